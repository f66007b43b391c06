"""`steer-tui vectors make`: a steering vector from two lists of texts."""

import asyncio
import os
import tempfile
from contextlib import aclosing
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from steer_tui.cli.output import Output
from steer_tui.cli.readiness import make_ready
from steer_tui.cli.settings import Settings
from steer_tui.cli.sweep_progress import progress_of
from steer_tui.cli.tables import table
from steer_tui.cli.text_files import read_texts
from steer_tui.domain import DOSE_PER_NOTCH, VALUE_MAX, Feature, InvalidValue, Unsupported
from steer_tui.engines import Engine, open_engine
from steer_tui.engines.directions.means import MeanResidual, Position
from steer_tui.engines.services import Captures
from steer_tui.generation.patience import finding, patience
from steer_tui.vectors import Direction, VectorFile, write_vectors
from steer_tui.vectors.faults import without_library

_LIBRARIES = {".gguf": "gguf", ".safetensors": "safetensors"}
"""What writes which kind of file."""

_TRIED = 4
"""The notches that a person is told to try first: most vectors show there, and few texts break."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the flags ask for."""

    positive: tuple[str, ...]
    negative: tuple[str, ...]
    layers: tuple[int, ...]
    out: Path
    """The whole path."""
    position: Position


@dataclass(frozen=True, slots=True)
class Made:
    """A direction that was written, and the feature that the engine makes of it."""

    direction: Direction
    feature: Feature

    @property
    def dose(self) -> float | None:
        """The direction's norm as a share of the mean residual norm there, or None where that is not known."""
        norm = self.feature.residual_norm
        return self.direction.norm / norm if norm else None

    @property
    def value(self) -> float:
        """Where a dial adds the direction as it is."""
        return self.direction.norm / self.feature.unit


def read_wanted(positive: Path, negative: Path, layers: tuple[int, ...], out: Path, position: Position) -> Wanted:
    """The texts of both files; raises for what cannot be, before a model is loaded and asked for minutes."""
    library = _LIBRARIES.get(out.suffix.lower())
    if library is None:
        raise InvalidValue(f"--out names a {' or '.join(_LIBRARIES)} file; it is {str(out)!r}.")
    if find_spec(library) is None:
        raise without_library(library)
    _check_new(out)
    return Wanted(
        read_texts(positive, "--positive", "text"),
        read_texts(negative, "--negative", "text"),
        tuple(sorted(set(layers))),
        out.absolute(),
        position,
    )


def _check_new(out: Path) -> None:
    """Raises InvalidValue for a file that there is already, and for one that cannot be made where it should be."""
    if os.path.lexists(out):
        raise InvalidValue(f"--out: {out} is there already; name a new file.")
    if not out.parent.is_dir():
        raise InvalidValue(f"--out: there is no folder {str(out.parent)!r}.")
    try:
        tempfile.TemporaryFile(dir=out.parent).close()
    except OSError as error:
        raise InvalidValue(
            f"--out: no file can be made in the folder {str(out.parent)!r} ({error.strerror})."
        ) from error


async def list_made(settings: Settings, wanted: Wanted) -> None:
    """Make it and say for a person what was made."""
    output = Output()
    made = await _made(settings, wanted)
    tokens = "the last token" if wanted.position is Position.LAST else "the mean of all tokens but the first"
    output.line(f"{wanted.out}: {len(wanted.positive)} texts less {len(wanted.negative)}, {tokens} of each")
    for line in table([_columns(each, wanted) for each in made]):
        output.line(line)
    if wanted.out.suffix.lower() == ".gguf" and 0 in wanted.layers:
        output.line("llama.cpp takes no .gguf file with a vector for layer 0; steer-tui does.")


async def print_made(settings: Settings, wanted: Wanted) -> None:
    """Make it and print a JSON object a layer."""
    output = Output()
    for each in await _made(settings, wanted):
        output.json(
            {
                "path": str(wanted.out),
                "layer": each.direction.layer,
                "norm": round(each.direction.norm, 6),
                "dose": None if each.dose is None else round(each.dose, 6),
                "value": round(each.value, 6),
                "position": wanted.position.value,
                "positive": len(wanted.positive),
                "negative": len(wanted.negative),
            }
        )


async def _made(settings: Settings, wanted: Wanted) -> tuple[Made, ...]:
    # Nothing is generated here, so whether steering has an effect does not matter.
    engine_settings = replace(settings.engine_settings, canary=False)
    async with aclosing(open_engine(settings.engine, engine_settings)) as engine:
        if not isinstance(engine, Captures):
            raise Unsupported(
                f"The engine {settings.engine} does not hand out its residual stream.",
                hint="Use --model MODEL, or --engine interp --url URL.",
            )
        await make_ready(engine, settings)
        directions = await _directions(engine, wanted, chat=settings.chat)
        await asyncio.to_thread(write_vectors, wanted.out, VectorFile(wanted.out, directions, engine.info.model))
        return tuple([Made(direction, await _feature(engine, direction, wanted.out)) for direction in directions])


async def _directions(engine: Captures, wanted: Wanted, *, chat: bool) -> tuple[Direction, ...]:
    positive = MeanResidual(engine, wanted.layers, wanted.position, chat=chat)
    negative = MeanResidual(engine, wanted.layers, wanted.position, chat=chat)
    with progress_of(len(wanted.positive) + len(wanted.negative), streams=False) as progress:
        for mean, texts in ((positive, wanted.positive), (negative, wanted.negative)):
            for text in texts:
                async with patience(engine=engine):
                    await mean.take(text)
                progress.advance()
    return positive.minus(negative)


async def _feature(engine: Engine, direction: Direction, file: Path) -> Feature:
    """What a dial of the direction will be, which knows the residual stream's norm."""
    async with finding(engine):
        [feature] = await engine.find_features(f"{file}@{direction.layer}")
    return feature


def _columns(made: Made, wanted: Wanted) -> tuple[str, ...]:
    name = wanted.out.name if len(wanted.layers) == 1 else f"{wanted.out.name}@{made.direction.layer}"
    dial = (
        f"--dial {name}={made.value:.1f}"
        if made.value <= VALUE_MAX
        else f"--raw --dial {name}={made.direction.norm:.4g}"
    )
    return (
        f"layer {made.direction.layer}",
        f"norm {made.direction.norm:.4g}",
        "" if made.dose is None else f"try --dial {name}={_TRIED:g} (dose {_TRIED * DOSE_PER_NOTCH:g})",
        f"added whole by {dial}" + ("" if made.dose is None else f" (dose {made.dose:.2f})"),
    )
