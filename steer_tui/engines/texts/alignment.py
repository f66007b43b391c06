"""The tokens of a reading, made to stand side by side as the text that was read."""

from collections.abc import Sequence

_SPREAD = 24
"""Characters within which a token must come, after some that do not stand in the text as they are."""


def aligned(tokens: Sequence[str], text: str) -> tuple[str, ...]:
    """The part of the text that each token stands for.

    A tokenizer shows a piece of a character as U+FFFD; the character then stands with the last of its tokens.
    """
    pieces: list[str] = []
    at = 0  # where the text goes on
    for token in tokens:
        shown = token if text.startswith(token, at) else token.replace("\u2581", " ")
        if not pieces and not text.startswith(shown):
            shown = shown.removeprefix(" ")  # some tokenizers put a space before a text
        found = at
        if not text.startswith(shown, at):
            found = -1 if "\ufffd" in shown else text.find(shown, at, at + len(shown) + _SPREAD)
        if found < 0:
            pieces.append("")
            continue
        end = found + len(shown)
        if pieces:
            pieces[-1] += text[at:found]
            pieces.append(text[found:end])
        else:
            pieces.append(text[:end])
        at = end
    if pieces:
        pieces[-1] += text[at:]
    return tuple(pieces)
