"""What is made ready once for each server that is met: what it says of itself, and what follows from it."""

import asyncio
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from steer_tui.engines.directions.model_shape import ModelShape
from steer_tui.engines.directions.residual_norms import ResidualNorms
from steer_tui.engines.interp.answers import Described
from steer_tui.engines.interp.capturing import Capturing
from steer_tui.engines.interp.connection import Connection
from steer_tui.engines.interp.explaining import other_model
from steer_tui.engines.interp.prompts import Prompts
from steer_tui.engines.interp.tokenizer import Decodes, open_tokenizer


@dataclass(frozen=True, slots=True)
class Met:
    """A server that has been met."""

    described: Described
    norms: ResidualNorms
    tokenizer: Decodes | None
    lacks_spaces: bool
    """Whether its words come without the spaces between them."""

    @property
    def shape(self) -> ModelShape:
        """What directions have to fit."""
        return self.described.shape


class Meeting:
    """Meets the server that a connection leads to, and meets it anew when it has become another one."""

    def __init__(
        self,
        connection: Connection,
        prompts: Prompts,
        capturing: Capturing,
        model: str | None,
        tokenizer: Path | None,
    ) -> None:
        self._connection = connection
        self._prompts = prompts
        self._capturing = capturing
        self._asked_model = model
        self._tokenizer_folder = tokenizer
        self._turn = asyncio.Lock()
        self.latest: Met | None = None
        """The server that was met last, or None before the first."""

    async def met(self) -> Met:
        """The server as it is now; raises NotFound where it has another model than was asked for."""
        described = await self._connection.learn()
        if error := other_model(self._asked_model, described.description.hf_model_id):
            raise error
        async with self._turn:
            if self.latest is None or self.latest.described != described:
                self.latest = await self._meet(described)
            return self.latest

    async def _meet(self, described: Described) -> Met:
        name = described.description.hf_model_id
        tokenizer = await asyncio.to_thread(open_tokenizer, name, self._tokenizer_folder)
        measure = partial(self._capturing.norms, described=described)
        norms = ResidualNorms(measure, await asyncio.to_thread(_identity, described))
        lacks_spaces = tokenizer is None and not await self._prompts.have_spaces(described)
        return Met(described, norms, tokenizer, lacks_spaces)


def _identity(described: Described) -> str:
    """The model with all that changes its residual stream; of a folder on this machine also how new its weights are."""
    model, load = described.description, described.load
    parts = [model.hf_model_id, f"{model.n_layers}x{model.d_model}", load.dtype or "", load.quantization or ""]
    folder = Path(model.hf_model_id)
    try:
        weights = [file.stat() for file in sorted(folder.glob("*.safetensors"))] if folder.is_absolute() else []
    except OSError:
        weights = []  # a folder of another machine's
    return " ".join([*parts, *(f"{one.st_size}-{one.st_mtime_ns}" for one in weights)])
