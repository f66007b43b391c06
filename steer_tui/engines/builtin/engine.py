"""The embedded model behind the engine's door."""

import os
import sys
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from steer_tui.domain import Event, Feature, GenerationRequest, Method, SteerError, Unsupported
from steer_tui.engines.builtin.catalogue import Catalogue, ModelCard, read_card, read_catalogue, read_tokenizer
from steer_tui.engines.builtin.tokenizer import Tokenizer
from steer_tui.engines.builtin.worker import Steps, Worker
from steer_tui.engines.door import EngineInfo, LanePolicy, PromptWindow

if TYPE_CHECKING:
    from steer_tui.engines.builtin.model import EmbeddedModel

WEIGHTS = Path(__file__).parent / "weights"
"""The folder of the model that the package carries."""

_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class BuiltinEngine:
    """A small language model computed in this process: no key, no network, no GPU, and really steered."""

    def __init__(self, weights: Path | None = None) -> None:
        self._folder = weights or WEIGHTS
        self._worker = Worker("steer-tui embedded model")

    @property
    def info(self) -> EngineInfo:
        """What the engine is; without a readable model, what it would be."""
        try:
            model, context = self._card.name, self._card.context
        except SteerError:
            model, context = "embedded model", None
        return EngineInfo("builtin", model, (Method.ADDITIVE,), LanePolicy.PARALLEL, quota=None, context=context)

    @property
    def steps_taken(self) -> int:
        """Steps computed so far, over all streams: it stands still while nothing is computed."""
        return self._worker.steps_taken

    async def prepare(self) -> None:
        """Load numpy and the weights, which the first use would do otherwise."""
        await self._worker.call(lambda: self._model)

    def stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """Generate the lanes that the request names, each by itself, in turn; closing the generator stops the work."""
        return self._worker.stream(self._steps(request))

    async def find_features(self, query: str, limit: int | None = None) -> Sequence[Feature]:
        """Features whose label, id or promoted tokens hold the query, or the SAE feature whose id it is."""
        found = self._catalogue.search(query)
        index = self._catalogue.sae_index(query.strip())
        if index is not None and index < await self._worker.call(lambda: self._model.sae_features):
            named = self._catalogue.sae_feature(index)
            found = [named, *(feature for feature in found if feature.id != named.id)]
        return found if limit is None else found[: max(limit, 0)]

    async def prompt_window(self, request: GenerationRequest) -> PromptWindow:
        """The part of the prompt that the model will read, the end-of-text token before it not counted."""
        room = self._card.room_for_prompt(request.sampling.max_tokens)
        total = len(await self._worker.call(lambda: self._tokenizer.encode(request.prompt)))
        return PromptWindow(min(total, room), total)

    async def aclose(self) -> None:
        """Stop all work and join the computing thread."""
        await self._worker.aclose()

    def _steps(self, request: GenerationRequest) -> Steps:
        if request.chat:
            raise Unsupported("The embedded model has no chat template.", hint="Generate without --chat.")
        if request.vector.dials and request.vector.method is not Method.ADDITIVE:
            raise Unsupported(
                f"The embedded model cannot steer with the method {request.vector.method.value}.",
                hint="Choose the method additive.",
            )
        yield from self._model.steps(request)

    @cached_property
    def _card(self) -> ModelCard:
        return read_card(self._folder)

    @cached_property
    def _catalogue(self) -> Catalogue:
        return read_catalogue(self._folder, self._card)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return read_tokenizer(self._folder, self._card)

    @cached_property
    def _model(self) -> "EmbeddedModel":
        """Only the computing thread asks for it, so that neither numpy nor the weights hold up the event loop."""
        with _one_blas_thread():
            from steer_tui.engines.builtin.model import EmbeddedModel
        return EmbeddedModel(self._folder, self._card, self._tokenizer, self._catalogue)


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Let numpy load with one BLAS thread, and leave the environment of processes that we start as it was."""
    added = [name for name in _THREAD_LIMITS if name not in os.environ and "numpy" not in sys.modules]
    os.environ.update(dict.fromkeys(added, "1"))
    try:
        yield
        if added:
            import numpy as np

            np.ones((2, 2), np.float32) @ np.ones((2, 2), np.float32)  # some BLAS read their limit at first use
    finally:
        for name in added:
            os.environ.pop(name, None)
