"""`steer-tui vectors show`: what a file of vectors, or the folder of an SAE, holds."""

from collections.abc import Iterator
from pathlib import Path

from steer_tui.cli.output import Output
from steer_tui.cli.tables import table
from steer_tui.domain import SteerError
from steer_tui.vectors import EMBEDDING, Sae, VectorFile, open_sae, read_vector_file


def list_contents(path: Path) -> None:
    """Print it for a person."""
    output = Output()
    lines = _sae_lines(open_sae(path)) if path.is_dir() else _file_lines(read_vector_file(path))
    for line in lines:
        output.line(line)


def print_contents(path: Path) -> None:
    """Print it as one JSON object."""
    if path.is_dir():
        sae = open_sae(path)
        Output().json(
            {
                "path": str(path),
                "kind": "sae",
                "model": sae.model,
                "layer": sae.layer,
                "width": _width(sae),
                "count": sae.count,
                "unread": sae.unread or None,
                "labels": {str(index): label for index, label in sorted(sae.labels.items())},
            }
        )
        return
    vectors = read_vector_file(path)
    Output().json(
        {
            "path": str(path),
            "kind": "vectors",
            "model": vectors.model,
            "width": vectors.directions[0].values.size,
            "directions": [
                {"layer": direction.layer, "norm": round(direction.norm, 6)} for direction in vectors.directions
            ],
        }
    )


def _file_lines(vectors: VectorFile) -> Iterator[str]:
    directions = vectors.directions
    many = f"{len(directions)} directions" if len(directions) > 1 else "one direction"
    yield f"{vectors.path.name}: {many}, {directions[0].values.size} wide{_made_for(vectors.model)}"
    yield from table([(_layer(direction.layer), f"norm {direction.norm:.4g}") for direction in directions])
    if any(direction.layer is None for direction in directions):
        yield "Say where it acts with --layer N."


def _sae_lines(sae: Sae) -> Iterator[str]:
    width = _width(sae)
    wide = "" if width is None else f", {width} wide"
    yield f"{sae.folder.name}: an SAE with {sae.count} features, {_layer(sae.layer)}{wide}{_made_for(sae.model)}"
    if sae.unread:
        yield sae.unread
    if not sae.labels:
        yield f"No feature has a label: name one by its number, {sae.folder.name}#0 to #{sae.count - 1}."
    yield from table([(f"#{index}", label) for index, label in sorted(sae.labels.items())])


def _width(sae: Sae) -> int | None:
    """As wide as its first row, where the files alone can tell."""
    try:
        return sae.direction(0, None).values.size
    except SteerError:
        return None


def _layer(layer: int | None) -> str:
    if layer is None:
        return "no layer named"
    return "embedding" if layer == EMBEDDING else f"layer {layer}"


def _made_for(model: str | None) -> str:
    return "" if model is None else f", for {model}"
