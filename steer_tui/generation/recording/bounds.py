"""How large a recording and what it tells may be: what is larger was made to do harm."""

from typing import Final

LINE_BYTES: Final = 4 * 1024 * 1024
FILE_BYTES: Final = 32 * 1024 * 1024
"""A text of 50,000 tokens with four features' activations is less; once it is read it takes up to 200 MB of memory."""

MOST_EVENTS: Final = 250_000

MOST_FEATURES: Final = 64
"""The most features whose activations one event tells, as many as a gateway takes."""
