"""Text that came from outside, made safe to draw in a terminal."""

import re

_UNSAFE = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # bidirectional marks, overrides, isolates, deprecated formats
    "\u2028\u2029\ufeff\ufff9-\ufffb"  # line separators, byte order mark, interlinear marks
    "\U000e0000-\U000e007f"  # invisible tag characters
    "\ud800-\udfff"  # lone surrogates, which no terminal encoding can carry
    "]"
)


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def safe_text(text: str) -> str:
    """Replace each control, bidirectional or invisible character by one visible symbol.

    Newlines and tabs stay, and so does the length, so offsets into the original still hold.
    """
    return _UNSAFE.sub(_visible, text)


def safe_line(text: str) -> str:
    """The same for a label or a message that is drawn on one line: newlines and tabs become symbols too."""
    return safe_text(text).replace("\n", "\u240a").replace("\t", "\u2409")
