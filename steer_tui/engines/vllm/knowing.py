"""What is known of a server once it was asked: its model, and what it tells of itself."""

from dataclasses import dataclass

from steer_tui.engines.directions.model_shape import ModelShape
from steer_tui.engines.directions.residual_norms import ResidualNorms
from steer_tui.engines.vllm.answers import ServedModel
from steer_tui.engines.vllm.dialect import Learned


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """One model on a server, as it was met."""

    model: ServedModel
    learned: Learned
    norms: ResidualNorms

    @property
    def shape(self) -> ModelShape:
        """What directions have to fit."""
        return ModelShape(self.model.id, self.learned.width, self.learned.layers)
