"""Neuronpedia's inference server behind the engine's door."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing

from pydantic import SecretStr

from steer_tui.domain import (
    Event,
    Feature,
    FeatureKind,
    GenerationRequest,
    Lane,
    NotFound,
    SteeringVector,
    Unsupported,
    safe_line,
)
from steer_tui.engines.door import EngineInfo, LanePolicy, Reading
from steer_tui.engines.inference_server.belonging import UNKNOWN_MODEL, check_features, other_model
from steer_tui.engines.inference_server.connection import Connection
from steer_tui.engines.inference_server.diagnosis import diagnose
from steer_tui.engines.inference_server.lane_stream import LaneRequest, stream_lane
from steer_tui.engines.inference_server.random_name import RandomName
from steer_tui.engines.inference_server.rereading import Rereader
from steer_tui.engines.inference_server.scale import Scales, random_unit
from steer_tui.engines.inference_server.slot import PATIENCE
from steer_tui.engines.inference_server.steering import HookedVector, check_method, methods_of, name_of, steering_body
from steer_tui.engines.inference_server.tokens import Tokens
from steer_tui.engines.names import FeatureName, read_name
from steer_tui.engines.services import Diagnosis


class InferenceServer:
    """One model with its SAEs on a server of one's own: no quota, and a request for each lane."""

    def __init__(
        self,
        url: str,
        *,
        model: str | None = None,
        key: SecretStr | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._asked_model = model
        self._connection = Connection(url, key, patience)
        self._tokens = Tokens(self._connection)
        self._scales = Scales(self._connection)
        self._rereader = Rereader(self._connection, self._tokens, self._scales)

    @property
    def info(self) -> EngineInfo:
        """What the server has said of itself; before it was asked, what is true of every one of them."""
        told = self._connection.capabilities
        lanes = LanePolicy.PARALLEL if told.takes_parallel_requests else LanePolicy.ONE_AT_A_TIME
        return EngineInfo("inference-server", self._model, methods_of(told), lanes, quota=None, context=told.max_tokens)

    @property
    def _model(self) -> str:
        return self._connection.capabilities.model or self._asked_model or UNKNOWN_MODEL

    async def prepare(self) -> None:
        """Ask the server what it has and can do."""
        await self._connection.learn()

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """Generate the lanes that the request names, each as a request of its own, the steered one first.

        Closing the generator closes the connection. Who wants both lanes at once asks for each with its own stream.
        """
        told = await self._connection.learn()
        if told.lacks("steer_completion"):
            raise Unsupported("This server says that it does not steer.", hint="Choose another engine.")
        check_method(request.vector, told)
        for lane in sorted(request.lanes, key=list(Lane).index):
            async with aclosing(self._lane(request, lane)) as events:
                async for event in events:
                    yield event

    async def find_features(self, query: str, limit: int | None = None) -> Sequence[Feature]:
        """The feature that `source/index`, `model/source/index` or the address of its page names, and no others.

        The server has no explanations to search in, and offers nothing by default: a query that names no feature
        raises NotFound, which says how one is named.
        """
        if not query.strip():
            return ()
        if random := RandomName.parse(query):
            return (self.random_direction(await self._feature(random.like), random.seed),)[:limit]
        name = read_name(query)
        if name is None:
            raise NotFound(
                "This server has no explanations to search in: name a feature as source/index.", hint=self._naming
            )
        return (await self._feature(name),)[:limit]

    def random_direction(self, like: Feature, seed: int) -> Feature:
        """The unit direction drawn from the seed, where `like` acts and with its unit."""
        name = name_of(like)
        like_name = name.like if isinstance(name, RandomName) else name
        return Feature(
            id=f"random-{seed}/{like_name.of(self._model).id}",
            label=f"random direction {seed} at {like_name.place}",
            unit=like.unit,
            kind=FeatureKind.RANDOM,
            unit_origin=like.unit_origin,
            residual_norm=like.residual_norm,
        )

    async def reread(self, text: str, features: Sequence[Feature]) -> Reading:
        """The activations of the features on every token of the text, read anew and without steering."""
        await self._connection.learn()
        self._check_model(name_of(feature) for feature in features)
        return await self._rereader.reread(text, features, self._model)

    @property
    def rereads_freely(self) -> bool:
        """Whether the server reads texts at all: it is the person's own, and counts nothing."""
        return not self._connection.capabilities.lacks("activation_single")

    async def diagnose(self) -> Diagnosis:
        """Whether the server is there, has loaded its model, takes the key and has what was asked for."""
        return await diagnose(self._connection, self._asked_model)

    async def aclose(self) -> None:
        """Wait for the last looks at a server whose stream was given up, then close every connection."""
        await self._connection.aclose()

    async def _lane(self, request: GenerationRequest, lane: Lane) -> AsyncGenerator[Event, None]:
        vector = request.vector_of(lane)
        self._check_model(name_of(dial.feature) for dial in vector.dials)
        count_room = self._tokens.chat_budget if request.chat else self._tokens.budget
        budget = await count_room(request, self._model)
        vectors = await self._vectors(vector)
        body = steering_body(request, lane, self._model, vectors)
        asked = LaneRequest(lane, request, body, budget)
        async with aclosing(stream_lane(self._connection, asked)) as events:
            async for event in events:
                yield event

    def _check_model(self, names: Iterable[FeatureName | RandomName]) -> None:
        here = self._connection.capabilities.model
        if error := other_model(self._asked_model, here):
            raise error
        check_features(names, here)

    async def _vectors(self, vector: SteeringVector) -> Mapping[str, HookedVector]:
        """The dials' directions by number where one of them has no name at the server, which takes no mixture."""
        names = {dial.feature.id: name_of(dial.feature) for dial in vector.dials}
        if not any(isinstance(name, RandomName) for name in names.values()):
            return {}
        vectors: dict[str, HookedVector] = {}
        for feature_id, name in names.items():
            if isinstance(name, RandomName):
                row = await self._scales.row(name.like, self._model)
                vectors[feature_id] = HookedVector(random_unit(name.seed, len(row.values)), row.hook)
            else:
                vectors[feature_id] = await self._scales.row(name, self._model)
        return vectors

    async def _feature(self, name: FeatureName) -> Feature:
        await self._connection.learn()
        self._check_model([name])
        scale = await self._scales.scale(name, self._model)
        return Feature(
            id=name.of(self._model).id,
            label=name.place,
            unit=scale.unit,
            unit_origin=scale.origin,
            residual_norm=scale.residual_norm,
        )

    @property
    def _naming(self) -> str:
        sets = self._connection.capabilities.sae_sets
        example = f"20-{sets[0]}" if sets else "20-gemmascope-res-16k"
        known = f" This server has the sets {', '.join(map(safe_line, sets[:8]))}." if sets else ""
        return f"A source is a layer and a set, as in {safe_line(example)}/123; the address of a page works too.{known}"
