"""interp-engine's server: a real model on this machine or on another, steered by files of directions."""

from steer_tui.engines.interp.engine import Interp

__all__ = ["Interp"]
