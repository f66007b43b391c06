"""A gateway behind the engine's door."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from pydantic import SecretStr

from steer_tui.domain import Event, Evidence, Feature, GenerationRequest, Method, SteeringVector
from steer_tui.engines.door import EngineInfo, LanePolicy
from steer_tui.engines.gateway.answers import FeaturesAnswer, TurnAnswer, read_answer
from steer_tui.engines.gateway.bodies import vector_body
from steer_tui.engines.gateway.connection import Connection
from steer_tui.engines.gateway.diagnosis import diagnose
from steer_tui.engines.gateway.explaining import Gone
from steer_tui.engines.gateway.features import read_evidence, read_feature
from steer_tui.engines.gateway.following import Following
from steer_tui.engines.services import Diagnosis, FeaturePage

LIMIT_MAX = 500
"""The most features that a gateway gives at once."""

UNKNOWN_MODEL = "unknown model"
"""What the model is called before the gateway was asked."""


class Gateway:
    """Whatever engine stands behind a gateway, which counts generations and keeps a lost one for a while."""

    def __init__(self, url: str, *, key: SecretStr | None = None) -> None:
        self._connection = Connection(url, key)
        self._following = Following(self._connection)

    @property
    def info(self) -> EngineInfo:
        """What the gateway has said; before it was asked, any method may be the right one."""
        told, quota = self._connection.info, self._connection.quota
        # Both lanes share a request, since requests are what is counted.
        if told is None:
            return EngineInfo("gateway", UNKNOWN_MODEL, tuple(Method), LanePolicy.TOGETHER, quota)
        return EngineInfo("gateway", told.model, told.methods, LanePolicy.TOGETHER, quota, told.context)

    @property
    def turns_live(self) -> bool:
        """Whether the engine behind the gateway lets a dial act on a text that comes, as far as it has said."""
        return self._connection.info is not None and self._connection.info.live_dials

    async def prepare(self) -> None:
        """Ask the gateway what it has and can do."""
        await self._connection.learn()

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """Generate the lanes that the request names as one run.

        Closing the generator ends the run at the gateway too, by a request of its own, which `aclose` waits for. One
        whose connection is lost goes on there for a while.
        """
        await self._connection.learn()
        async with aclosing(self._following.begin(request)) as events:
            async for event in events:
                yield event

    async def resume(self, lost: GenerationRequest, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """Go on with the run of this very `lost` request behind its last event, or generate the request anew.

        The run is gone on with where it gives what the request asks for, and the gateway still has it.
        """
        run = self._following.lost(lost)
        if run is not None and run.serves(request):
            try:
                async with aclosing(self._following.go_on(run, request)) as events:
                    async for event in events:
                        yield event
                return
            except Gone:
                pass
        async with aclosing(self.stream(request)) as events:
            async for event in events:
                yield event

    def give_up(self, request: GenerationRequest) -> None:
        """Have the run of this very request ended at the gateway, where it was lost."""
        self._following.give_up(request)

    async def turn(self, request: GenerationRequest, vector: SteeringVector, watched: Sequence[Feature]) -> int | None:
        """Let this vector act on the steered lane of the request's run from the next token on that the gateway has."""
        run = self._following.read(request)
        if run is None or run.name is None or not run.is_steering:
            return None
        try:
            told = await self._connection.turn(run.name, vector_body(vector, watched))
        except Gone:
            return None
        index = read_answer(TurnAnswer, told).index
        if index is not None:
            run.vector = vector
        return index

    async def find_features(self, query: str, limit: int | None = None) -> Sequence[Feature]:
        """What the engine behind the gateway finds, the first page of it."""
        return (await self._page(query, limit=limit)).features[:limit]

    async def search(self, query: str, offset: int = 0) -> FeaturePage:
        """A page of what the engine behind the gateway finds."""
        return await self._page(query, offset=offset)

    async def evidence(self, feature: Feature) -> Evidence:
        """What the engine behind the gateway knows of the feature, as far as that travels."""
        for query in (feature.id, feature.label):  # an engine's search may know labels and no ids
            for told in (await self._ask(q=query)).features:
                if told.id == feature.id:
                    return read_evidence(told)
        return Evidence()

    async def diagnose(self) -> Diagnosis:
        """Whether the gateway is there, takes the token and answers for its engine."""
        return await diagnose(self._connection)

    async def aclose(self) -> None:
        """Say what goodbyes are due, then close every connection."""
        try:
            await self._following.aclose()
        finally:
            await self._connection.aclose()

    async def _page(self, query: str, *, offset: int = 0, limit: int | None = None) -> FeaturePage:
        most = {} if limit is None else {"limit": min(max(limit, 1), LIMIT_MAX)}
        told = await self._ask(q=query, offset=offset, **most)
        return FeaturePage(tuple(map(read_feature, told.features)), told.next_offset)

    async def _ask(self, **query: str | int) -> FeaturesAnswer:
        return read_answer(FeaturesAnswer, await self._connection.features(query))
