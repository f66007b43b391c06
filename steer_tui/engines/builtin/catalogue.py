"""What the weights folder tells without its arrays: the model's shape, its tokenizer and the features it offers."""

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from steer_tui.domain import DOSE_PER_NOTCH, SEED_MAX, Feature, FeatureKind, Malformed, NotFound, Rejected
from steer_tui.engines.builtin.tokenizer import Tokenizer

REINSTALL = "Reinstall steer-tui to get the file back."
FORMAT = 1
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The model's name and shape, as `model.json` has them."""

    name: str
    vocabulary_size: int
    layers: int
    width: int
    """Entries of the residual stream, d."""
    heads: int
    mlp_width: int
    context: int
    """Positions that the model can hold, the end-of-text token at the start counted in."""
    rope_base: float
    norm_epsilon: float
    steering_layer: int
    """The layer, counted from 1, behind which the residual stream is steered and read."""
    mean_residual_norm: float
    """Mean norm R of the residual stream there."""

    @property
    def unit(self) -> float:
        """The coefficient of one notch."""
        return DOSE_PER_NOTCH * self.mean_residual_norm

    def room_for_prompt(self, max_tokens: int) -> int:
        """Tokens of a prompt that fit beside the end-of-text token and `max_tokens` new ones."""
        if max_tokens > self.context - 1:
            raise Rejected(
                f"{self.name} holds {self.context} tokens, so it cannot generate {max_tokens}.",
                hint=f"Ask for at most {self.context - 1} tokens.",
            )
        return self.context - 1 - max_tokens


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A feature and the row of its kind's matrix in `sae.npz` that holds its direction."""

    feature: Feature
    index: int


class Catalogue:
    """The features that the model offers by label, and how they are searched."""

    def __init__(self, card: ModelCard, entries: Sequence[CatalogueEntry]) -> None:
        self._card = card
        self._entries = {entry.feature.id: entry for entry in entries}
        here = rf"(?:{re.escape(card.name)}/)?{card.steering_layer}"
        self._sae_id = re.compile(rf"{here}-sae/(0|[1-9][0-9]{{0,8}})")
        self._random_id = re.compile(rf"{here}-random/(0|[1-9][0-9]{{0,9}})")

    def index_of(self, feature: Feature) -> tuple[FeatureKind, int]:
        """The matrix and the row of a feature's direction, or the seed of a random one.

        NotFound for a feature that isn't this model's.
        """
        if (entry := self._entries.get(feature.id)) is not None:
            return entry.feature.kind, entry.index
        if (index := self.sae_index(feature.id)) is not None:
            return FeatureKind.SAE, index
        if (seed := self.random_seed(feature.id)) is not None:
            return FeatureKind.RANDOM, seed
        raise self.unknown(feature)

    def unknown(self, feature: Feature) -> NotFound:
        """The error for a feature that isn't this model's."""
        return NotFound(
            f"{self._card.name} has no feature {feature.label!r} ({feature.id}).",
            hint="Choose one of its own features.",
        )

    def sae_index(self, name: str) -> int | None:
        """The row that an SAE feature's id names (`stories-2M/2-sae/17`, or without the model), whatever its size."""
        match = self._sae_id.fullmatch(name)
        return int(match[1]) if match else None

    def random_seed(self, name: str) -> int | None:
        """The seed that a random direction's id names (`stories-2M/2-random/7`, or without the model)."""
        match = self._random_id.fullmatch(name)
        return int(match[1]) if match and int(match[1]) <= SEED_MAX else None

    def sae_feature(self, index: int) -> Feature:
        """The SAE feature of that row; one without a label is called by its index."""
        card, label = self._card, f"{self._card.steering_layer}-sae/{index}"
        known = self._entries.get(f"{card.name}/{label}")
        if known is not None:
            return known.feature
        return Feature(f"{card.name}/{label}", label, card.unit, residual_norm=card.mean_residual_norm)

    def random_feature(self, seed: int) -> Feature:
        """The direction that is drawn from the seed."""
        card = self._card
        if not 0 <= seed <= SEED_MAX:
            raise Rejected(f"The seed of a random direction lies between 0 and {SEED_MAX}; it is {seed}.")
        return Feature(
            f"{card.name}/{card.steering_layer}-random/{seed}",
            f"random direction {seed}",
            card.unit,
            kind=FeatureKind.RANDOM,
            residual_norm=card.mean_residual_norm,
        )

    def search(self, query: str) -> list[Feature]:
        """Labelled features that fit the query without regard to case, best first; all of them for an empty one."""
        wanted = query.strip().casefold()
        features = [entry.feature for entry in self._entries.values()]
        ranked = [(rank, feature) for feature in features if (rank := _rank(feature, wanted)) is not None]
        return [feature for _, feature in sorted(ranked, key=lambda pair: pair[0])]


def _rank(feature: Feature, wanted: str) -> int | None:
    label = feature.label.casefold()
    fits = (
        wanted in ("", label, feature.id.casefold()),
        label.startswith(wanted),
        wanted in label,
        any(token.strip().casefold().startswith(wanted) for token in feature.promoted),
        wanted in feature.id.casefold(),
        any(wanted in token.casefold() for token in feature.promoted),
    )
    return fits.index(True) if any(fits) else None


def read_card(folder: Path) -> ModelCard:
    """The model's shape out of `model.json`."""
    return read_json(folder / "model.json", _card)


def read_catalogue(folder: Path, card: ModelCard) -> Catalogue:
    """The features out of `features.json`."""

    def parse(rows: Any) -> Catalogue:
        entries = [_entry(row, card) for row in rows]
        for key in ("id", "label"):
            seen = [getattr(entry.feature, key).casefold() for entry in entries]
            if len(set(seen)) < len(seen):
                raise ValueError(f"two features share one {key}")
        return Catalogue(card, entries)

    return read_json(folder / "features.json", parse)


def read_tokenizer(folder: Path, card: ModelCard) -> Tokenizer:
    """The tokenizer out of `tokenizer.json`."""

    def parse(data: Any) -> Tokenizer:
        _check_format(data)
        end = int(data["endOfText"])
        merges = [(int(left), int(right)) for left, right in data["merges"]]
        if end != 256 or card.vocabulary_size != 257 + len(merges):
            raise ValueError(f"it has {len(merges)} merges, and the model {card.vocabulary_size} tokens")
        for rank, pair in enumerate(merges):
            if not all(0 <= token < 257 + rank and token != end for token in pair):
                raise ValueError(f"merge {rank} names tokens that come after it")
        re.compile(data["pattern"])
        return Tokenizer(data["pattern"], merges, end)

    return read_json(folder / "tokenizer.json", parse)


def read_json(path: Path, parse: Callable[[Any], _T]) -> _T:
    """What is made of a JSON file of the weights folder; a file that is missing or broken is said by name."""
    try:
        return parse(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise missing(path, error) from error
    except (ValueError, TypeError, LookupError, AttributeError, re.error, RecursionError) as error:
        raise broken(path, error) from error


def missing(path: Path, error: OSError) -> NotFound:
    """The error for a file of the embedded model that cannot be opened."""
    return NotFound(f"The embedded model's file {path.name} cannot be read ({error.strerror}): {path}", hint=REINSTALL)


def broken(path: Path, error: Exception) -> Malformed:
    """The error for a file of the embedded model that is not in its format."""
    reason = f"it has no {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
    return Malformed(f"The embedded model's file {path.name} is broken ({reason}): {path}", hint=REINSTALL)


def _check_format(data: Any) -> None:
    if data["format"] != FORMAT:
        raise ValueError(f"its format is {data['format']}, not {FORMAT}")


def _card(data: Any) -> ModelCard:
    _check_format(data)
    card = ModelCard(
        name=str(data["name"]),
        vocabulary_size=int(data["vocabularySize"]),
        layers=int(data["layers"]),
        width=int(data["width"]),
        heads=int(data["heads"]),
        mlp_width=int(data["mlpWidth"]),
        context=int(data["context"]),
        rope_base=float(data["ropeBase"]),
        norm_epsilon=float(data["normEpsilon"]),
        steering_layer=int(data["steeringLayer"]),
        mean_residual_norm=float(data["meanResidualNorm"]),
    )
    if not (card.name and card.width > 0 and card.heads > 0 and card.mlp_width > 0 and card.context > 1):
        raise ValueError("the model has no name or no size")
    if card.width % (2 * card.heads):
        raise ValueError(f"a width of {card.width} cannot be split over {card.heads} heads of even size")
    if not 1 <= card.steering_layer <= card.layers:
        raise ValueError(f"the model has no layer {card.steering_layer} to steer behind")
    if not all(math.isfinite(n) and n > 0 for n in (card.mean_residual_norm, card.rope_base, card.norm_epsilon)):
        raise ValueError("a number of it is not above 0")
    return card


def _entry(row: Any, card: ModelCard) -> CatalogueEntry:
    if int(row["index"]) < 0 or row["kind"] not in (FeatureKind.SAE, FeatureKind.MEANS):
        raise ValueError(f"the feature {row['id']} has the index {row['index']} and the kind {row['kind']}")
    feature = Feature(
        id=str(row["id"]),
        label=str(row["label"]),
        unit=card.unit,
        kind=FeatureKind(row["kind"]),
        residual_norm=card.mean_residual_norm,
        max_activation=_number(row.get("maxActivation")),
        density=_number(row.get("density")),
        promoted=tuple(map(str, row.get("promoted") or ())),
        suppressed=tuple(map(str, row.get("suppressed") or ())),
    )
    return CatalogueEntry(feature, int(row["index"]))


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
