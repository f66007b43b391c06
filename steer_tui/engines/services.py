"""What only some engines can do because a service stands behind them: small protocols beside the door's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from steer_tui.domain import Feature, Method

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FeaturePage:
    """Some of the features that a search found, best first."""

    features: tuple[Feature, ...]
    next_offset: int | None = None
    """Where the following page begins, or None behind the last."""
    age_seconds: float | None = None
    """How old the answer is where it comes from disk, or None where the service has just given it."""

    def joined(self, following: "FeaturePage") -> "FeaturePage":
        """This page and the following one as one, each feature once; its age is that of the older one."""
        known = {feature.id for feature in self.features}
        new = tuple(feature for feature in following.features if feature.id not in known)
        ages = [page.age_seconds for page in (self, following) if page.age_seconds is not None]
        return replace(following, features=(*self.features, *new), age_seconds=max(ages, default=None))


@runtime_checkable
class Searches(Protocol):
    """An engine with more features than it can list, found page by page by what is said of them."""

    async def search(self, query: str, offset: int = 0) -> FeaturePage:
        """Features by the meaning of their explanations, by `model/source/index`, or by the address of their page."""
        ...


@dataclass(frozen=True, slots=True)
class Preset:
    """Features with their values that somebody found worth keeping."""

    name: str
    dials: tuple[tuple[Feature, float], ...]
    """Each feature with the value of its dial."""
    prompt: str | None = None
    method: Method = Method.ADDITIVE


@runtime_checkable
class OffersPresets(Protocol):
    """An engine that knows presets for its model."""

    async def presets(self) -> Sequence[Preset]:
        """All of them."""
        ...


@runtime_checkable
class ChargesPresets(Protocol):
    """An engine whose service counts a look at its presets."""

    async def presets_cost(self) -> str | None:
        """One sentence that says what the next look costs, or None where it costs nothing."""
        ...


@dataclass(frozen=True, slots=True)
class SourceOffer:
    """A set of features at one layer of a model."""

    id: str
    can_steer: bool
    """Whether the service computes with it, or only shows it."""


@dataclass(frozen=True, slots=True)
class ModelOffer:
    """A model that a service has."""

    id: str
    name: str
    can_steer: bool
    is_instruct: bool
    layers: int | None
    sources: tuple[SourceOffer, ...]


@runtime_checkable
class OffersModels(Protocol):
    """An engine behind which one of several models can be chosen."""

    async def models(self) -> Sequence[ModelOffer]:
        """All of them, those that can be steered first."""
        ...


@runtime_checkable
class Publishes(Protocol):
    """An engine whose service keeps what it generates where anybody can read it."""

    @property
    def publication(self) -> str:
        """One sentence that says what becomes public, and where."""
        ...

    @property
    def latest_link(self) -> str | None:
        """The address of the latest text that was published, or None while there is none."""
        ...


@runtime_checkable
class ChargesRereads(Protocol):
    """An engine whose re-reads are counted by a service."""

    @property
    def reread_cost(self) -> str:
        """One sentence that says what a re-read costs."""
        ...


@runtime_checkable
class LiveAtTimes(Protocol):
    """An engine whose dials may be turned live, as whatever stands behind it can or cannot."""

    @property
    def turns_live(self) -> bool:
        """Whether they can, as far as the engine knows now."""
        ...


@runtime_checkable
class RereadsFreely(Protocol):
    """An engine whose re-reads may cost nothing, so that each finished text is re-read without being asked for."""

    @property
    def rereads_freely(self) -> bool:
        """Whether they cost nothing, as far as the engine knows now."""
        ...


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a look at an engine gave, without generating anything."""

    address: str | None
    """Where it is, without key or password, or None for an engine inside this process."""
    is_reachable: bool
    has_key: bool | None
    """Whether a key is set, or None where the engine takes none."""
    model: str | None
    quota: int | None
    """Calls that are left, or None where the engine cannot tell."""
    problem: str | None = None
    """One sentence: what is wrong, or None where nothing is."""
    hint: str | None = None
    """One sentence: what to do about it."""


@runtime_checkable
class Diagnoses(Protocol):
    """An engine that can be looked at before it is used."""

    async def diagnose(self) -> Diagnosis:
        """What is there; a service that cannot be reached is a diagnosis and no error."""
        ...


@dataclass(frozen=True, slots=True)
class Loading:
    """How far a server is that has not answered yet; nothing in it is a guess."""

    stage: str
    """What is being waited for, such as `the server loads the model`."""
    began: float
    """When the waiting began, on `time.monotonic`'s scale."""
    last_line: str | None = None
    """The last line that the server has written to its log, safe to draw, or None where its log cannot be seen."""


@runtime_checkable
class Loads(Protocol):
    """An engine that may have to wait, for minutes, until a server has loaded its model."""

    @property
    def loading(self) -> Loading | None:
        """How far it is, or None while nothing is waited for."""
        ...


@runtime_checkable
class Warns(Protocol):
    """An engine that finds out for itself when what it does has no effect."""

    @property
    def warning(self) -> str | None:
        """One sentence that the person has to know before believing what is shown, or None where there is none."""
        ...


@runtime_checkable
class Captures(Protocol):
    """An engine that hands out the residual stream itself."""

    async def capture(self, text: str, layers: Sequence[int], *, chat: bool) -> "Mapping[int, NDArray[np.float32]]":
        """The output of each of these blocks (from 0), [tokens][width], without steering; the first token included.

        With `chat` the text is a message in the model's template, up to where the answer begins.
        """
        ...
