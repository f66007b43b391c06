"""Files with one text a line."""

import sys
from pathlib import Path

from steer_tui.domain import InvalidValue

_STANDARD_INPUT = Path("-")


def read_texts(file: Path, flag: str, kind: str) -> tuple[str, ...]:
    """The lines of a file that are not blank (`-` reads standard input).

    Raises InvalidValue, which begins with the flag and calls a line by its kind, for a file that holds none.
    """
    name = "standard input" if file == _STANDARD_INPUT else str(file)
    try:
        text = (sys.stdin.buffer.read() if file == _STANDARD_INPUT else file.read_bytes()).decode("utf-8-sig")
    except OSError as error:
        raise InvalidValue(f"{flag}: {name} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InvalidValue(f"{flag}: {name} is not UTF-8 text.") from error
    # Not splitlines(), which would cut a text at other characters too.
    texts = tuple(line for line in text.replace("\r\n", "\n").split("\n") if line.strip())
    if not texts:
        raise InvalidValue(f"{flag}: {name} holds no {kind}; write one on each line.")
    return texts
