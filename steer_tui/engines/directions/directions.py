"""Features that are raw numbers: steering vectors from files, rows of an SAE's folder, and random directions."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TypeAlias

import numpy as np

from steer_tui.domain import (
    DOSE_PER_NOTCH,
    Feature,
    FeatureKind,
    NotFound,
    Rejected,
    SteerError,
    Unsupported,
    safe_line,
)
from steer_tui.engines.directions.model_shape import Misfit, ModelShape
from steer_tui.engines.directions.opened import Opened, OpenedSae, misfit, one_line
from steer_tui.engines.directions.opening import Target, best_of, check_labelled, open_place, sae_folder
from steer_tui.engines.directions.places import Place, is_written_as_path, read_place
from steer_tui.engines.directions.pushes import Push
from steer_tui.engines.directions.random_directions import RandomName, drawn, layer_alone, random_label
from steer_tui.engines.directions.readouts import Readout

NormAt: TypeAlias = Callable[[int], Awaitable[float | None]]
"""The mean residual norm at a layer, or None where it cannot be measured."""

Pushes: TypeAlias = tuple[Push, ...]

FALLBACK_UNIT = 10.0


class Directions:
    """What is open of the files and folders that a person has named, and nothing else.

    What was opened stays as it was read, until its path is named again.
    """

    def __init__(self, paths: tuple[str, ...] = (), *, layer: int | None = None) -> None:
        self._paths, self._layer = paths, layer
        self._opening = asyncio.Lock()
        self._untried = list(paths)  # of the first paths, those that are still to be opened
        self._faults: dict[str, SteerError] = {}  # what is wrong with the others, by the path
        self._opened: dict[str, Opened] = {}
        self._saes: dict[Path, OpenedSae] = {}
        self._offered: dict[str, None] = {}  # the ids of what was named by its path, in order
        self._owners: dict[str, str] = {}  # whose a label is, in small letters
        self._given: dict[Feature, tuple[Pushes, str | None]] = {}  # of what a feature was made, and for what model
        self._model: str | None = None

    async def find(
        self, query: str, shape: ModelShape, norm_at: NormAt, limit: int | None = None
    ) -> tuple[Feature, ...]:
        """Features that fit the query, best first; an empty one lists what is open.

        A path opens its file, the row of an SAE's folder, or a few of its rows; words are looked for in the labels.
        Raises what is wrong with a file that is named, and what `norm_at` raises.
        """
        self.meet(shape)
        text = query.strip()
        if random := RandomName.parse(text):
            if random.layer is not None:
                return (await self.random_at(random.layer, random.seed, shape, norm_at),)[:limit]
            like = await self.find(random.like, shape, norm_at, limit)
            return tuple(self.random_direction(feature, random.seed) for feature in like)
        found = await self._meant(text, shape) if text else await self._offer(shape)
        return await self._features(found[:limit], shape, norm_at)

    async def random_at(self, layer: int, seed: int, shape: ModelShape, norm_at: NormAt) -> Feature:
        """A random unit direction at a layer, where no feature is at hand, such as for the canary.

        Raises Unsupported where the model's width is not known, and Rejected for a layer that it does not have.
        """
        self.meet(shape)
        alone = self._renewed(layer_alone(layer, shape))
        (like,) = await self._features([alone], shape, norm_at)
        return self.random_direction(like, seed)

    def random_direction(self, like: Feature, seed: int) -> Feature:
        """A random direction that acts where `like` acts, with its unit; the same seed gives the same one."""
        random = RandomName.parse(like.id)
        opened = self._open(random.like if random else like.id, like)
        name = RandomName(seed, opened.id)
        name.check_seed()
        label = random_label(seed, opened.label)
        feature = replace(like, id=name.id, label=label, kind=FeatureKind.RANDOM)
        self._given[feature] = self._given.get(like, (opened.pushes, self._model))
        return feature

    @property
    def warning(self) -> str | None:
        """What is wrong with paths that are offered from the start, other than that they are for another model."""
        faults = [error.message for error in self._faults.values() if not isinstance(error, Misfit)]
        return " ".join(faults) or None

    def meet(self, shape: ModelShape) -> None:
        """This is the model that is steered from now on: what was found for another one is to be found anew."""
        self._model = shape.name

    def pushes(self, feature: Feature) -> tuple[Push, ...]:
        """What the feature adds for a coefficient of 1, a layer once, by rising layer.

        Raises NotFound for a feature that was not found here, and Rejected for one whose unit is no longer that of
        its numbers: its file has changed and was read anew, or the model is another one.
        """
        return self._numbers(feature).pushes

    def reading(self, feature: Feature) -> Readout:
        """How its activation is read: by its encoder, or a vector's as the projection on it (threshold -inf).

        Raises what `pushes` raises, and Unsupported for a feature of an SAE whose encoder is none that is read here.
        """
        numbers = self._numbers(feature)
        if numbers.read is None:
            raise Unsupported(
                f"The activations of {safe_line(feature.label)!r} cannot be read: {numbers.unread}",
                hint="It can be steered by all the same.",
            )
        return numbers.read

    def _numbers(self, feature: Feature) -> Opened:
        random = RandomName.parse(feature.id)
        opened = self._open(random.like if random else feature.id, feature)
        given, model = self._given.get(feature, (opened.pushes, self._model))
        if given is not opened.pushes:
            raise Rejected(
                f"The file of {safe_line(feature.label)!r} has changed since it was added.", hint="Add it anew."
            )
        if model != self._model:
            raise Rejected(
                f"{safe_line(feature.label)!r} was added for another model than the server has now.",
                hint="Add it anew, so that its unit is measured on this one.",
            )
        return drawn(opened, random.seed) if random else opened

    def _open(self, id: str, feature: Feature) -> Opened:
        if id not in self._opened:
            raise NotFound(f"{safe_line(feature.label)!r} is not open here.", hint="Name its file once more.")
        return self._opened[id]

    async def _meant(self, text: str, shape: ModelShape) -> Sequence[Opened]:
        """What a path names, or what is open under words that name none."""
        if is_written_as_path(text) and (place := await asyncio.to_thread(read_place, text)):
            return await self._named_alone(place, shape)
        await self._open_first(shape)
        if found := await self._search(text, shape):
            return found
        if is_written_as_path(text):
            raise NotFound(
                f"There is no file or folder {safe_line(text[:200])}.",
                hint="Name a vector file, FILE@LAYER, or FOLDER#INDEX for a feature of an SAE.",
            )
        if folder := await asyncio.to_thread(sae_folder, text):
            return await self._named_alone(folder, shape)
        if fault := self._fault_in(text):
            raise fault
        return ()

    async def _search(self, text: str, shape: ModelShape) -> Sequence[Opened]:
        real = [one for one in self._opened.values() if one.kind is not FeatureKind.RANDOM]
        fitting = [one for one in real if misfit(one, shape) is None]
        saes = tuple(self._saes.values())
        found = await asyncio.to_thread(best_of, text, fitting, saes, Target(shape, self._layer))
        return [self._opened.get(one.id) or self._keep(one) for one in found]

    async def _offer(self, shape: ModelShape) -> Sequence[Opened]:
        """What was named by its path and fits this model; where nothing of it does, what is wrong is raised."""
        await self._open_first(shape)
        told = [(self._opened[id], misfit(self._opened[id], shape)) for id in self._offered]
        fitting = [one for one, error in told if error is None]
        errors = [*self._faults.values(), *(error for _, error in told if error is not None)]
        if errors and not fitting:
            raise errors[0]
        return fitting

    async def _open_first(self, shape: ModelShape) -> None:
        """Open the paths that are offered from the start; one that is not there is looked for again each time."""
        async with self._opening:
            faults = {path: error for path, error in self._faults.items() if path not in self._untried}
            for path in self._untried:
                try:
                    await self._named(await _first_place(path), shape)
                except SteerError as error:
                    faults[path] = error
            self._faults = faults
            self._untried = [path for path, error in faults.items() if isinstance(error, NotFound)]

    def _fault_in(self, text: str) -> SteerError | None:
        """What is wrong with a path that is offered from the start, and whose name words are part of."""
        named = (error for path, error in self._faults.items() if text.casefold() in Path(path).name.casefold())
        return next(named, None)

    async def _named_alone(self, place: Place, shape: ModelShape) -> Sequence[Opened]:
        """What a place names; raises NotFound for an SAE none of whose features has a label."""
        found = await self._named(place, shape)
        if not found:
            check_labelled(self._saes[place.path])
        return found

    async def _named(self, place: Place, shape: ModelShape) -> Sequence[Opened]:
        """What a place names, read anew, and offered from now on."""
        found, sae = await asyncio.to_thread(open_place, place, Target(shape, self._layer))
        if sae is not None:
            self._saes[sae.place.path] = sae
        kept = [self._keep(one) for one in found]
        self._offered |= dict.fromkeys(one.id for one in kept)
        return kept

    def _keep(self, opened: Opened) -> Opened:
        """Hold it under a label that nothing else has."""
        for label in _labels(opened):
            if self._owners.setdefault(label.casefold(), opened.id) == opened.id:
                break
        return self._renewed(replace(opened, label=label))

    def _renewed(self, opened: Opened) -> Opened:
        """Hold it, in the place of what was held; the same numbers stay what they are."""
        held = self._opened.get(opened.id)
        if held is not None and held.has_numbers_of(opened):
            opened = replace(opened, pushes=held.pushes, read=held.read)
        self._opened[opened.id] = opened
        return opened

    async def _features(self, opened: Sequence[Opened], shape: ModelShape, norm_at: NormAt) -> tuple[Feature, ...]:
        norms = await _norms({push.layer for one in opened for push in one.pushes}, norm_at)
        made = {_feature(one, norms): (one.pushes, shape.name) for one in opened}
        self._given |= made
        return tuple(made)


async def _first_place(path: str) -> Place:
    place = await asyncio.to_thread(read_place, path)
    if place is None:
        raise NotFound(
            f"There is no file or folder {safe_line(path)}, which is among the paths of [vectors].",
            hint="Correct the path, or take it out.",
        )
    return place


def _labels(opened: Opened) -> Iterator[str]:
    """The label, then with more and more of where it comes from."""
    yield opened.label
    parts = Path(opened.id).parts
    least = 1 if opened.kind is FeatureKind.SAE else 2
    for depth in range(least, len(parts) + 1):
        yield f"{opened.label} ({one_line('/'.join(parts[-depth:]))})"
    for number in count(2):
        yield f"{opened.label} ({number})"


async def _norms(layers: Iterable[int], norm_at: NormAt) -> Mapping[int, float | None]:
    """The norms at all of the layers, asked for at once, so that one measurement can tell them all."""
    try:
        async with asyncio.TaskGroup() as group:
            asked = {layer: group.create_task(_norm(layer, norm_at)) for layer in layers}
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return {layer: task.result() for layer, task in asked.items()}


async def _norm(layer: int, norm_at: NormAt) -> float | None:
    return await norm_at(layer)


def _feature(opened: Opened, norms: Mapping[int, float | None]) -> Feature:
    """The feature, whose unit is a dose of all its layers together."""
    known = [(push, norm) for push in opened.pushes if (norm := norms[push.layer])]
    if len(known) < len(opened.pushes):
        unit, origin, norm = FALLBACK_UNIT, f"{FALLBACK_UNIT:g}, since the residual norm cannot be measured here", None
    else:
        norm = 1.0 / sum(float(np.linalg.norm(push.values)) / at for push, at in known)
        many = f", over its {len(known)} layers together" if len(known) > 1 else f" at layer {known[0][0].layer}"
        unit, origin = DOSE_PER_NOTCH * norm, f"{DOSE_PER_NOTCH:g} × the mean residual norm{many}"
    return Feature(
        id=opened.id, label=opened.label, unit=unit, kind=opened.kind, unit_origin=origin, residual_norm=norm
    )
