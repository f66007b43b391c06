"""A gateway: another machine's `steer-tui serve`, with whatever engine stands behind it."""

from steer_tui.engines.gateway.engine import Gateway

__all__ = ["Gateway"]
