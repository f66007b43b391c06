"""Where a feature stands: model, source and index, from an id or from the address of its page."""

import re
from dataclasses import dataclass
from typing import Self

_SOURCE = re.compile(r"\d+-[\w.\-]+", re.ASCII)
_INDEX = re.compile(r"\d{1,9}", re.ASCII)
_PAGE = re.compile(r"(?:https?://)?(?:[\w-]+\.)*neuronpedia\.org/", re.ASCII | re.IGNORECASE)
_RANDOM = re.compile(r"random-(\d{1,10})/(.+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class FeatureAddress:
    """A feature of an SAE; a source is a layer and a set, such as `20-gemmascope-res-16k`."""

    source: str
    index: int
    model: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """What `source/index`, `model/source/index` or the address of a Neuronpedia page names, or None."""
        text = text.strip()
        if page := _PAGE.match(text):
            text = re.split(r"[?#]", text[page.end() :])[0].strip("/")
            text = text.removeprefix("api/feature/")
        model, _, rest = text.rpartition("/")[0].rpartition("/")
        source, index = rest, text.rpartition("/")[2]
        if not (_SOURCE.fullmatch(source) and _INDEX.fullmatch(index)):
            return None
        return cls(source, int(index), model or None)

    @property
    def label(self) -> str:
        """Its name without the model."""
        return f"{self.source}/{self.index}"

    def id_in(self, model: str) -> str:
        """Its id, with this model where the person named none."""
        return f"{self.model or model}/{self.label}"


@dataclass(frozen=True, slots=True)
class RandomAddress:
    """A random direction where a feature acts, drawn from a seed."""

    seed: int
    like: FeatureAddress

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """What `random-seed/model/source/index` names, or None."""
        named = _RANDOM.fullmatch(text.strip())
        like = FeatureAddress.parse(named[2]) if named else None
        return cls(int(named[1]), like) if named and like else None
