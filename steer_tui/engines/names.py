"""How a feature of Neuronpedia is named: `source/index`, `model/source/index`, or the address of its page."""

import re
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlsplit

_NAME = re.compile(r"(?:(?P<model>.+)/)?(?P<source>[A-Za-z0-9][\w.\-]*)/(?P<index>\d{1,9})", re.ASCII)
_LAYERED = re.compile(r"\d+-.")
_ADDRESS = re.compile(r"[a-z]+://|(?:[\w\-]+\.)*neuronpedia\.org/", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FeatureName:
    """Where a feature stands; a source is a layer and a set, such as `20-gemmascope-res-16k`."""

    model: str | None
    """None where none was named."""
    source: str
    index: int

    @property
    def place(self) -> str:
        """The name without the model."""
        return f"{self.source}/{self.index}"

    @property
    def id(self) -> str:
        """The name as one text."""
        return f"{self.model}/{self.place}" if self.model else self.place

    def of(self, model: str) -> Self:
        """The same, with this model where none was named."""
        return self if self.model else replace(self, model=model)


def read_name(text: str, url: str = "") -> FeatureName | None:
    """The feature that a text names, or None.

    Nothing is ever asked of an address: only its path counts, where its host is Neuronpedia's own or that of `url`.
    """
    text = text.strip()
    match = _NAME.fullmatch(_path(text, url) if is_address(text) else text)
    if match is None or not (match["model"] or _LAYERED.match(match["source"])):
        return None
    return FeatureName(match["model"], match["source"], int(match["index"]))


def may_be_same_model(one: str, other: str) -> bool:
    """Whether two names may be those of one model, such as `openai-community/gpt2` and `gpt2-small`.

    A model has several names, and features of a base model are used with the models that were trained on from it.
    """
    short, long = sorted((_bare_model(one), _bare_model(other)), key=len)
    return long.startswith(short)


def is_address(text: str) -> bool:
    """Whether a text is written as an address, be it of a feature's page or not."""
    return _ADDRESS.match(text.strip()) is not None


def _bare_model(name: str) -> str:
    """The last part of a model's name, in small letters and digits alone."""
    return re.sub(r"[\W_]", "", name.rpartition("/")[2].casefold())


def _path(address: str, url: str) -> str:
    """What of an address may be a name; empty for the address of another host."""
    try:
        parts, own = urlsplit(address if "://" in address else f"https://{address}"), urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    if host != own.hostname and not f".{host}".endswith(".neuronpedia.org"):
        return ""
    return parts.path.removeprefix(own.path.rstrip("/")).strip("/").removeprefix("api/feature/")
