"""The embedded model behind the engine's door."""

import os
import sys
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from steer_tui.domain import (
    Event,
    Evidence,
    Feature,
    GenerationRequest,
    Method,
    SteerError,
    SteeringVector,
    Unsupported,
)
from steer_tui.engines.builtin.catalogue import Catalogue, ModelCard, read_card, read_catalogue, read_tokenizer
from steer_tui.engines.builtin.evidence import read_evidence
from steer_tui.engines.builtin.live import LiveRun
from steer_tui.engines.builtin.tokenizer import Tokenizer
from steer_tui.engines.builtin.worker import Worker
from steer_tui.engines.door import EngineInfo, LanePolicy, PromptWindow, Reading

if TYPE_CHECKING:
    from steer_tui.engines.builtin.model import EmbeddedModel

WEIGHTS = Path(__file__).parent / "weights"
"""The folder of the model that the package carries."""
METHODS = (Method.ADDITIVE, Method.PIN)
"""What its dials can do."""

_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class BuiltinEngine:
    """A small language model computed in this process: no key, no network, no GPU, and really steered."""

    def __init__(self, weights: Path | None = None) -> None:
        self._folder = weights or WEIGHTS
        self._worker = Worker("steer-tui embedded model")
        self._running: list[LiveRun] = []

    @property
    def info(self) -> EngineInfo:
        """What the engine is; without a readable model, what it would be."""
        try:
            model, context = self._card.name, self._card.context
        except SteerError:
            model, context = "embedded model", None
        return EngineInfo("builtin", model, METHODS, LanePolicy.PARALLEL, quota=None, context=context)

    @property
    def steps_taken(self) -> int:
        """Steps computed so far, over all streams: it stands still while nothing is computed."""
        return self._worker.steps_taken

    async def prepare(self) -> None:
        """Load numpy and the weights, which the first use would do otherwise."""
        await self._worker.call(lambda: self._model)

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """Generate the lanes that the request names, each by itself, in turn; closing the generator stops the work."""
        _check_method(request.vector)
        if request.chat:
            raise Unsupported("The embedded model has no chat template.", hint="Generate without --chat.")
        run = LiveRun(self._worker, request, lambda: self._model.run(request))
        self._running.append(run)
        try:
            async with aclosing(run.events()) as events:
                async for event in events:
                    yield event
        finally:
            self._running.remove(run)

    async def turn(self, request: GenerationRequest, vector: SteeringVector, watched: Sequence[Feature]) -> int | None:
        """Let the vector act on the steered lane of this request's stream, from the next token on that is taken."""
        _check_method(vector)
        course = await self._worker.call(lambda: self._model.course(vector, watched))
        run = next((run for run in self._running if run.request is request and run.is_steering), None)
        return None if run is None else run.turn(course)

    async def find_features(self, query: str, limit: int | None = None) -> Sequence[Feature]:
        """Features whose label, id or promoted tokens hold the query, or the feature or random direction of that id."""
        found = self._catalogue.search(query)
        seed = self._catalogue.random_seed(query.strip())
        if seed is not None:
            found.insert(0, self._catalogue.random_feature(seed))
        index = self._catalogue.sae_index(query.strip())
        if index is not None and index < await self._worker.call(lambda: self._model.steering.sae_features):
            named = self._catalogue.sae_feature(index)
            found = [named, *(feature for feature in found if feature.id != named.id)]
        return found if limit is None else found[: max(limit, 0)]

    def random_direction(self, like: Feature, seed: int) -> Feature:
        """The unit direction drawn from the seed; every feature of the model acts at the same place, `like` too."""
        self._catalogue.index_of(like)
        return self._catalogue.random_feature(seed)

    async def evidence(self, feature: Feature) -> Evidence:
        """What the weights folder tells of the feature, which is read when it is first asked for."""
        return (await self._worker.call(lambda: self._evidence)).get(feature.id, Evidence())

    async def reread(self, text: str, features: Sequence[Feature]) -> Reading:
        """The activations and the log-probability of every token of the text, read without steering.

        A text longer than the context is read in windows that overlap by half.
        """

        def work() -> Generator[tuple[()], None, Reading]:
            return (yield from self._model.reread(text, features))

        return await self._worker.complete(work())

    async def prompt_window(self, request: GenerationRequest) -> PromptWindow:
        """The part of the prompt that the model will read, the end-of-text token before it not counted."""
        room = self._card.room_for_prompt(request.sampling.max_tokens)
        total = len(await self._worker.call(lambda: self._tokenizer.encode(request.prompt)))
        return PromptWindow(min(total, room), total)

    async def aclose(self) -> None:
        """Stop all work and join the computing thread."""
        await self._worker.aclose()

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
    def _evidence(self) -> Mapping[str, Evidence]:
        return read_evidence(self._folder)

    @cached_property
    def _model(self) -> "EmbeddedModel":
        """Only the computing thread asks for it, so that neither numpy nor the weights hold up the event loop."""
        with _one_blas_thread():
            from steer_tui.engines.builtin.model import EmbeddedModel
        return EmbeddedModel(self._folder, self._card, self._tokenizer, self._catalogue)


def _check_method(vector: SteeringVector) -> None:
    if vector.dials and vector.method not in METHODS:
        raise Unsupported(
            f"The embedded model cannot steer with the method {vector.method.value}.",
            hint="Choose the method additive or pin.",
        )


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
