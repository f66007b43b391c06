"""How large a recording and what it tells may be: what is larger was made to do harm."""

from typing import Final

LINE_BYTES: Final = 4 * 1024 * 1024
FILE_BYTES: Final = 128 * 1024 * 1024
"""A text of 200,000 tokens with four features' activations is less."""

MOST_EVENTS: Final = 1_000_000

LAST_MOMENT: Final = 1e6
"""Seconds, eleven days: an event that comes later than that never came."""

MOST_ACTIVATION: Final = 1e30
