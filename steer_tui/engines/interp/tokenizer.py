"""The model's own tokenizer, where this machine has it."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

_FILE = "tokenizer.json"

_log = logging.getLogger(__name__)


class Decodes(Protocol):
    """A tokenizer, as far as it is needed here."""

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        """The text of tokens that stand side by side."""
        ...


def open_tokenizer(model: str, folder: Path | None) -> Decodes | None:
    """The model's own tokenizer, or None: without it texts are shown as the server decodes them.

    It is looked for in the folder, in the one that the model's name is, and in the hub's cache; nothing is fetched.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError:
        return None
    file = _file_in(folder) or _file_in(Path(model)) or _cached(model)
    if file is None:
        return None
    try:
        tokenizer: Decodes = Tokenizer.from_file(str(file))
        return tokenizer
    except Exception as error:  # noqa: BLE001  # tokenizers raises bare Exceptions
        _log.warning("the tokenizer %s cannot be read: %s", file, error)
        return None


def _file_in(folder: Path | None) -> Path | None:
    if folder is None:
        return None
    file = folder / _FILE
    return file if file.is_file() else None


def _cached(model: str) -> Path | None:
    try:
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError
    except ImportError:
        return None
    try:
        found = try_to_load_from_cache(model, _FILE)
    except HFValidationError:
        return None  # a path on another machine
    return Path(found) if isinstance(found, str) else None
