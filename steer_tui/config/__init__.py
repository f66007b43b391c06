"""What can be set: the shipped config.toml, the user's own over it, and `STEER_TUI_*` variables over both."""

from steer_tui.config.load import LoadedConfig, load_config, shipped_file, user_file
from steer_tui.config.model import Config
from steer_tui.config.wording import ConfigError

__all__ = ["Config", "ConfigError", "LoadedConfig", "load_config", "shipped_file", "user_file"]
