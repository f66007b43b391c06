"""What tokens that begin or end a text, or a turn of a chat, look like where a server lets them through."""

import re

_MARKER = re.compile(r"<\|[\w .\-]{1,40}\|>|<｜[\w▁ .\-]{1,40}｜>|</s>|<eos>|<end_of_turn>|<turn\|>")
"""Behind a text in which anything may stand, so those alone that are known."""

_TOKEN = re.compile(r"<[^\s<>]{1,60}>|\[[A-Z_]{2,40}\]")
"""A token by itself: `<s>`, `</s>`, `<|im_end|>`, `[CLS]`, `[EOS]`; a word of markup may look the same."""


def end_marker(text: str) -> str:
    """The marker at the end of a text, or nothing where there is none."""
    start = max(text.rfind("<"), 0)
    return text[start:] if _MARKER.fullmatch(text, start) else ""


def may_be_marker(token: str) -> bool:
    """Whether a token that came alone may be one that begins or ends a text."""
    return _TOKEN.fullmatch(token) is not None


def stands_before(token: str, text: str) -> bool:
    """Whether the first token of a text that was read is one that the model puts before it."""
    return may_be_marker(token) and not text.startswith(token)
