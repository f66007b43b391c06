"""What a direction has to fit: a model's width and its layers, checked before anything is sent."""

from dataclasses import dataclass

from steer_tui.domain import Rejected, safe_line
from steer_tui.vectors import EMBEDDING

__all__ = ["EMBEDDING", "Misfit", "ModelShape"]


class Misfit(Rejected):
    """A vector that is whole, and that cannot act in this model or at the layer that was asked for."""


@dataclass(frozen=True, slots=True)
class ModelShape:
    """A model as directions see it."""

    name: str
    width: int | None
    """Numbers in the residual stream, or None where the server does not tell."""
    layers: int | None
    """How many blocks there are, or None where the server does not tell."""

    def check_width(self, name: str, width: int) -> None:
        """Raise Misfit for a vector that is not as wide as the residual stream."""
        if self.width is not None and width != self.width:
            raise Misfit(
                f"{safe_line(name)} is a vector of {width} numbers, and {safe_line(self.name)} is {self.width} wide.",
                hint="A vector fits the model that it was made for, and those trained on from it.",
            )

    def check_layer(self, name: str, layer: int) -> None:
        """Raise Misfit for a layer that the model does not have."""
        if layer < EMBEDDING or (self.layers is not None and layer >= self.layers):
            last = f"0 to {self.layers - 1}" if self.layers is not None else "0 upwards"
            raise Misfit(
                f"{safe_line(name)} acts at layer {layer}, and {safe_line(self.name)} has the layers {last}.",
                hint=f"Name another layer, or another model; {EMBEDDING} is the embedding.",
            )
