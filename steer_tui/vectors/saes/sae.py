"""A sparse autoencoder in a folder: its features by index, one row at a time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from steer_tui.domain import NotFound, SteerError
from steer_tui.vectors.direction import Direction, Encoder
from steer_tui.vectors.faults import named, system_faults
from steer_tui.vectors.formats.pickles import PICKLES, refused_pickle
from steer_tui.vectors.formats.stored_array import check_direction
from steer_tui.vectors.saes.encoder_rows import encoder_row
from steer_tui.vectors.saes.labels import read_labels
from steer_tui.vectors.saes.layouts import gemma_scope, llama_scope, saelens, sparsify
from steer_tui.vectors.saes.layouts.parts import SaeParts
from steer_tui.vectors.saes.orientation import feature_axis, feature_count, residual_width


@dataclass(frozen=True, slots=True, eq=False)
class Sae:
    """An open SAE: what it says of itself, and its rows, which are read one by one when they are asked for."""

    folder: Path
    layer: int | None
    """The block, from 0, whose output it decodes; EMBEDDING; or None where neither its files nor its folder say."""
    model: str | None
    """The model that it was trained on, in its own words, where it says."""
    count: int
    """How many features it has."""
    labels: Mapping[int, str]
    """What a labels file in the folder calls its features, by index."""
    unread: str
    """Why its activations cannot be read although it has an encoder, as a sentence; empty where they can."""
    parts: SaeParts = field(repr=False)
    """Where its arrays lie."""

    @property
    def neuronpedia_id(self) -> str | None:
        """What Neuronpedia calls it, as `model/source`, where its files say."""
        return self.parts.neuronpedia_id

    def direction(self, index: int, width: int | None) -> Direction:
        """The decoder row of a feature, in a model whose residual stream is `width` wide (None: not known)."""
        axis = feature_axis(self.parts, self.parts.decoder, residual_width(self.parts, width))
        self._check_index(index, self.parts.decoder.array.shape[axis])
        values = self.parts.decoder.array.line(axis, index)
        return Direction(check_direction(values, f"the direction of feature {index}", self.parts.path), self.layer)

    def encoder(self, index: int, width: int | None) -> Encoder | None:
        """How the activation of a feature is read, or None for an SAE without an encoder or with one that is `unread`.

        Of an SAE that keeps the k largest it is read as it stood before the others were dropped.
        """
        if self.parts.encoder is None or self.unread:
            return None
        known = residual_width(self.parts, width)
        count = self.parts.decoder.array.shape[feature_axis(self.parts, self.parts.decoder, known)]
        self._check_index(index, count)
        return encoder_row(self.parts, self.parts.encoder, index, known, count)

    def _check_index(self, index: int, count: int) -> None:
        if not 0 <= index < count:
            raise NotFound(
                f"{named(self.folder)} has no feature {index}: it has {count:,}, counted from 0.",
                hint=f"Name one from 0 to {count - 1}.",
            )


def is_sae(path: Path) -> bool:
    """Whether this is a folder with an SAE's files in it."""
    try:
        return _layout(path) is not None
    except OSError:
        return False


def open_sae(folder: Path) -> Sae:
    """The SAE of a folder.

    Raises `NotFound` where there is no SAE, `Unsupported` for one that does not act on the residual stream or needs
    a library that is not installed, and `Malformed` for files that are not what their names say.
    """
    with system_faults(folder):
        layout = _layout(folder)
        if layout is None:
            raise _no_sae(folder)
    parts = layout(folder)
    count = feature_count(parts)
    return Sae(folder, parts.layer, parts.model, count, read_labels(folder, count), parts.unread, parts)


_LAYOUTS: Mapping[str, Callable[[Path], SaeParts]] = {
    saelens.WEIGHTS: saelens.saelens,
    sparsify.WEIGHTS: sparsify.sparsify,
    gemma_scope.WEIGHTS_1: gemma_scope.gemma_scope_1,
    gemma_scope.WEIGHTS_2: gemma_scope.gemma_scope_2,
    llama_scope.WEIGHTS: llama_scope.llama_scope,
}
"""Whose files they are, by the file that holds the weights."""


def _layout(folder: Path) -> Callable[[Path], SaeParts] | None:
    return next((layout for weights, layout in _LAYOUTS.items() if (folder / weights).is_file()), None)


def _no_sae(folder: Path) -> SteerError:
    if not folder.exists():
        return NotFound(f"There is no {named(folder)}.", hint="Check the path.")
    if not folder.is_dir():
        return NotFound(f"{named(folder)} is a file, and an SAE is a folder.", hint="Name the folder that it is in.")
    inside = sorted(folder.iterdir())
    within = [one.name for one in inside if _layout(one) is not None]
    if within:
        return NotFound(
            f"{named(folder)} is no SAE, but holds {len(within)} of them.",
            hint=f"Name one, such as {named(folder / within[0])}.",
        )
    pickle = next((one for one in inside if one.suffix.lower() in PICKLES), None)
    if pickle is not None:
        return refused_pickle(pickle)
    return NotFound(
        f"{named(folder)} holds no SAE.", hint=f"An SAE's folder holds one of these files: {', '.join(_LAYOUTS)}."
    )
