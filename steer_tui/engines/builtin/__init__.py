"""The embedded model: a small language model, its sparse autoencoder and its steering, computed in this process.

Importing this room loads neither numpy nor weights: the computing thread does, at its first use.
"""

from steer_tui.engines.builtin.engine import BuiltinEngine

__all__ = ["BuiltinEngine"]
