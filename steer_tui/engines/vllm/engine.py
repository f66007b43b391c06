"""A vLLM server behind the engine's door, whichever way it wants to be steered."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial

from pydantic import SecretStr

from steer_tui.domain import Event, Feature, GenerationRequest, Lane, Method, SteerError
from steer_tui.engines.directions.directions import Directions, NormAt
from steer_tui.engines.directions.residual_norms import ResidualNorms
from steer_tui.engines.directions.trial import Trial, trial_features
from steer_tui.engines.door import EngineInfo, LanePolicy
from steer_tui.engines.lasting import Lasting
from steer_tui.engines.services import Diagnosis
from steer_tui.engines.vllm.bodies import check_method, lane_body, pushes_of
from steer_tui.engines.vllm.connection import Connection
from steer_tui.engines.vllm.diagnosis import diagnose
from steer_tui.engines.vllm.dialect import Dialect
from steer_tui.engines.vllm.knowing import Known
from steer_tui.engines.vllm.lane_stream import LaneRequest, stream_lane

UNKNOWN_MODEL = "unknown model"
"""What a model is called of which neither the server nor the person tells."""


class VllmEngine:
    """One model on one machine or on many: no quota, a request for each lane, and both at once."""

    def __init__(
        self,
        dialect: Dialect,
        url: str,
        *,
        directions: Directions,
        model: str | None,
        key: SecretStr | None,
        with_canary: bool,
    ) -> None:
        self._dialect = dialect
        self._asked_model = model
        self._directions = directions
        self._with_canary = with_canary
        self._connection = Connection(url, key)
        self._trial = Trial()
        self._measuring = Lasting[float | None]()
        self._learning = asyncio.Lock()
        self._known: Known | None = None
        self._is_current = False

    @property
    def info(self) -> EngineInfo:
        """What the server has said of itself; before it was asked, what is true of every one of them."""
        model = self._known.model if self._known else None
        name = model.id if model else self._asked_model or UNKNOWN_MODEL
        context = model.max_model_len if model else None
        return EngineInfo(self._dialect.name, name, (Method.ADDITIVE,), LanePolicy.PARALLEL, context=context)

    @property
    def warning(self) -> str | None:
        """That steering has no effect on this server, that it does not tell what it should, or a fault of a file."""
        told = self._trial.warning or (self._known.learned.warning if self._known else None)
        return " ".join(filter(None, (told, self._directions.warning))) or None

    async def prepare(self) -> None:
        """Ask the server what it has, and see whether steering has an effect there."""
        await self._try_out(await self._learn())

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """Generate the lanes that the request names, each as a request of its own, the steered one first.

        Closing the generator closes the connection, and the server stops. Who wants both lanes at once asks for each
        with its own stream.
        """
        for lane in request.lanes:
            check_method(request.vector_of(lane))
        known = await self._learn()
        if Lane.STEERED in request.lanes and request.vector.dials:
            await self._try_out(known)
        async with aclosing(self._lanes(known, request)) as events:
            async for event in events:
                yield event

    async def find_features(self, query: str, limit: int | None = None) -> Sequence[Feature]:
        """What is open of files and folders that fits the model; a path, FILE@LAYER or FOLDER#INDEX opens one more."""
        known = await self._learn()
        return await self._directions.find(query, known.shape, self._norm_at(known), limit)

    def random_direction(self, like: Feature, seed: int) -> Feature:
        """The unit direction drawn from the seed, where `like` acts and with its unit."""
        return self._directions.random_direction(like, seed)

    async def diagnose(self) -> Diagnosis:
        """Whether the server is there, takes the key, has the model and can be steered."""
        return await diagnose(self._connection, self._dialect, self._asked_model)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._trial.aclose()
        await self._measuring.aclose()
        await self._connection.aclose()

    async def _lanes(self, known: Known, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        for lane in sorted(request.lanes, key=list(Lane).index):
            pushes = pushes_of(request.vector_of(lane), self._directions, known.shape)
            how = self._dialect.steering(pushes) if pushes else known.learned.unsteered
            asked = LaneRequest(lane, request, {**lane_body(request, known.model.id), **how})
            try:
                async with aclosing(stream_lane(self._connection, asked)) as events:
                    async for event in events:
                        yield event
            except SteerError as error:
                if error.passing:
                    self._is_current = False  # a server that was lost may come back as another one
                raise

    async def _learn(self) -> Known:
        """What the server tells, asked once until it was lost."""
        async with self._learning:
            if self._known is None or not self._is_current:
                model = await self._connection.model(self._asked_model)
                learned = await self._dialect.learn(self._connection, model.id)
                if self._known is None or (self._known.model, self._known.learned) != (model, learned):
                    measure = partial(self._dialect.measure, self._connection, model.id)
                    identity = f"vllm {model.root or model.id} {learned.layers}x{learned.width}"
                    self._known = Known(model, learned, ResidualNorms(measure, identity))
                self._is_current = True
            return self._known

    def _norm_at(self, known: Known) -> NormAt:
        """The norms of the server; what is measured goes on where who asked is cancelled."""
        return lambda layer: self._measuring.result((known.norms, layer), partial(known.norms.at, layer))

    async def _try_out(self, known: Known) -> None:
        if self._with_canary:
            features = partial(trial_features, self._directions, known.shape, self._norm_at(known))
            await self._trial.run(known, features, partial(self._lanes, known))
