"""interp-engine's server behind the engine's door."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from steer_tui.domain import Event, Feature, GenerationRequest, Lane
from steer_tui.engines.directions.directions import Directions, NormAt
from steer_tui.engines.directions.trial import Trial, trial_features
from steer_tui.engines.door import EngineInfo, LanePolicy, Reading
from steer_tui.engines.interp.activations import lane_activations
from steer_tui.engines.interp.capturing import Capturing
from steer_tui.engines.interp.characters import SPACELESS_WARNING, Characters
from steer_tui.engines.interp.connection import Connection
from steer_tui.engines.interp.diagnosis import diagnose
from steer_tui.engines.interp.lane_stream import LaneRequest, stream_lane
from steer_tui.engines.interp.meeting import Meeting, Met
from steer_tui.engines.interp.prompts import Prompts
from steer_tui.engines.interp.rereading import reread
from steer_tui.engines.interp.serving.server import Server
from steer_tui.engines.interp.steering import METHODS, steering_body
from steer_tui.engines.lasting import Lasting
from steer_tui.engines.services import Diagnosis, Loading

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UNKNOWN_MODEL = "unknown model"
"""What a model is called of which neither the server nor the person tells."""


class Interp:
    """One model behind interp-engine's server, with directions that are read here and sent along.

    The server may run somewhere already or be started for the engine: it is waited for when it is first needed.
    """

    def __init__(
        self,
        server: Server,
        *,
        directions: Directions,
        model: str | None = None,
        with_canary: bool = True,
        tokenizer: Path | None = None,
    ) -> None:
        self._server = server
        self._directions = directions
        self._asked_model = model
        self._with_canary = with_canary
        self._connection = Connection(server)
        self._prompts = Prompts(self._connection)
        self._capturing = Capturing(self._connection, self._prompts)
        self._trial = Trial()
        self._measuring = Lasting[float | None]()
        self._meeting = Meeting(self._connection, self._prompts, self._capturing, model, tokenizer)

    @property
    def info(self) -> EngineInfo:
        """What the server has said of itself; before it was asked, what is true of every one of them."""
        told = self._connection.described
        if told is None:
            model = self._asked_model or UNKNOWN_MODEL
            return EngineInfo("interp", model, METHODS, LanePolicy.ONE_AT_A_TIME)
        lanes = LanePolicy.PARALLEL if told.takes_parallel_requests else LanePolicy.ONE_AT_A_TIME
        context = told.limits.max_prompt_tokens
        return EngineInfo("interp", told.description.hf_model_id, METHODS, lanes, quota=None, context=context)

    @property
    def loading(self) -> Loading | None:
        """How far the server is, or None while nothing is waited for."""
        return self._server.loading

    @property
    def warning(self) -> str | None:
        """That steering has no effect on this server, that its words lack their spaces, or a fault of a file."""
        met = self._meeting.latest
        spaceless = SPACELESS_WARNING if met is not None and met.lacks_spaces else None
        return " ".join(filter(None, (self._trial.warning, spaceless, self._directions.warning))) or None

    async def prepare(self) -> None:
        """Wait for the server, ask it what it has, and see whether steering has an effect there."""
        await self._try_out(await self._meeting.met())

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """Generate the lanes that the request names, each as a request of its own, the steered one first.

        Closing the generator closes the connection. Who wants both lanes at once asks for each with its own stream.
        """
        met = await self._meeting.met()
        if Lane.STEERED in request.lanes and request.vector.dials:
            await self._try_out(met)
        async with aclosing(self._lanes(met, request)) as events:
            async for event in events:
                yield event

    async def find_features(self, query: str, limit: int | None = None) -> Sequence[Feature]:
        """What is open of files and folders that fits the model; a path, FILE@LAYER or FOLDER#INDEX opens one more."""
        met = await self._meeting.met()
        return await self._directions.find(query, met.shape, self._norm_at(met), limit)

    def random_direction(self, like: Feature, seed: int) -> Feature:
        """The unit direction drawn from the seed, where `like` acts and with its unit."""
        return self._directions.random_direction(like, seed)

    async def reread(self, text: str, features: Sequence[Feature]) -> Reading:
        """The activations of the features on every token of the text, read anew and without steering."""
        met = await self._meeting.met()
        return await reread(text, features, self._directions, self._connection, self._prompts, met.described)

    @property
    def rereads_freely(self) -> bool:
        """Whether re-reads cost nothing: the server is the person's own, and counts nothing."""
        return True

    async def capture(self, text: str, layers: Sequence[int], *, chat: bool) -> "Mapping[int, NDArray[np.float32]]":
        """The output of each of these blocks, [tokens][width], without steering; the first token included."""
        met = await self._meeting.met()
        return await self._capturing.residuals(text, layers, met.described, chat=chat)

    async def diagnose(self) -> Diagnosis:
        """Whether the server is there, has loaded its model, takes the token and has what was asked for."""
        return await diagnose(self._connection, self._server, self._asked_model)

    async def aclose(self) -> None:
        """Close every connection, and end the server where it was started for this engine."""
        try:
            await self._trial.aclose()
            await self._measuring.aclose()
            await self._connection.aclose()
        finally:
            await self._server.aclose()

    async def _lanes(self, met: Met, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        for lane in sorted(request.lanes, key=list(Lane).index):
            async with aclosing(self._lane(met, request, lane)) as events:
                async for event in events:
                    yield event

    async def _lane(self, met: Met, request: GenerationRequest, lane: Lane) -> AsyncGenerator[Event, None]:
        described, connection = met.described, self._connection
        self._directions.meet(met.shape)
        steering = steering_body(request.vector_of(lane), self._directions, met.shape)
        prompt = await self._prompts.of(request, described)
        asked = LaneRequest(
            lane,
            request,
            prompt,
            steering,
            activations=lane_activations(connection, request, lane, prompt, self._directions, described),
            reads_live=described.takes_parallel_requests,
        )
        async with aclosing(stream_lane(connection, asked, Characters(met.tokenizer, prompt))) as events:
            async for event in events:
                yield event

    def _norm_at(self, met: Met) -> NormAt:
        """The norms of the server; what is measured goes on where who asked is cancelled."""
        return lambda layer: self._measuring.result((met.norms, layer), partial(met.norms.at, layer))

    async def _try_out(self, met: Met) -> None:
        if self._with_canary:
            features = partial(trial_features, self._directions, met.shape, self._norm_at(met))
            await self._trial.run(met.described, features, partial(self._lanes, met))
