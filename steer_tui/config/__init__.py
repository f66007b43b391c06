"""What can be set: the shipped config.toml, the user's own over it, and `STEER_TUI_*` variables over both."""

from steer_tui.config.address import origin_of
from steer_tui.config.api_key import COMMAND_SECONDS, ServiceSection, read_key
from steer_tui.config.load import LoadedConfig, load_config, shipped_file, user_file
from steer_tui.config.model import Config
from steer_tui.config.wording import ConfigError

__all__ = [
    "COMMAND_SECONDS",
    "Config",
    "ConfigError",
    "LoadedConfig",
    "ServiceSection",
    "load_config",
    "origin_of",
    "read_key",
    "shipped_file",
    "user_file",
]
