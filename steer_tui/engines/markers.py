"""What tokens that end a text, or a turn of a chat, look like where a server lets them through."""

import re

_MARKER = re.compile(r"<\|[\w .\-]{1,40}\|>|<｜[\w▁ .\-]{1,40}｜>|</s>|<eos>|<end_of_turn>|<turn\|>")


def end_marker(text: str) -> str:
    """The marker at the end of a text, or nothing where there is none."""
    start = max(text.rfind("<"), 0)
    return text[start:] if _MARKER.fullmatch(text, start) else ""
