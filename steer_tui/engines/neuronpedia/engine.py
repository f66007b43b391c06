"""Neuronpedia's hosted steering behind the engine's door."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path

from pydantic import SecretStr

from steer_tui.domain import Event, Evidence, Feature, GenerationRequest, NotFound, SteerError
from steer_tui.engines.directions.kept_labels import neuronpedia_answers
from steer_tui.engines.door import EngineInfo, LanePolicy, Reading
from steer_tui.engines.methods import METHOD_NAMES
from steer_tui.engines.neuronpedia.diagnosing import diagnose
from steer_tui.engines.neuronpedia.generation import steered_events
from steer_tui.engines.neuronpedia.library import Library
from steer_tui.engines.neuronpedia.models import cannot_steer
from steer_tui.engines.neuronpedia.rereading import reread
from steer_tui.engines.neuronpedia.service import Service, never_connected
from steer_tui.engines.neuronpedia.steering import Steering, steering
from steer_tui.engines.services import Diagnosis, FeaturePage, ModelOffer, Preset


class HostedNeuronpedia:
    """A model that Neuronpedia runs: no GPU of one's own, a quota, and texts that everybody can read."""

    def __init__(
        self,
        model: str,
        *,
        url: str = "https://www.neuronpedia.org",
        key: SecretStr | None = None,
        replay_pace_ms: float = 75.0,
        answers: Path | None = None,
    ) -> None:
        self._model, self._replay_pace = model, replay_pace_ms / 1000.0
        kept = neuronpedia_answers(answers)
        self._service = Service(url, key, kept)
        self._library = Library(self._service, kept, model)
        self._offer: ModelOffer | None = None
        self._has_looked = False

    @property
    def info(self) -> EngineInfo:
        """What the engine is; the quota is that of the last answer, or the published one before the first."""
        methods = tuple(METHOD_NAMES)
        return EngineInfo("neuronpedia", self._model, methods, LanePolicy.TOGETHER, quota=self._service.quota)

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """Generate both lanes with one request, and tell the events of those that are wanted.

        Closing the generator closes the connection; the service goes on to the end all the same, and counts it.
        """
        self._service.latest_link = None  # it is an earlier text's
        asked = steering(request, self._model)
        await self._check_model(asked, chat=request.chat)
        async with aclosing(steered_events(self._service, asked, self._replay_pace)) as events:
            async for event in events:
                yield event

    async def find_features(self, query: str, limit: int | None = None) -> Sequence[Feature]:
        """The first page of a search, or a few features to begin with where nothing is searched for."""
        found = (await self.search(query)).features if query.strip() else await self._library.offer()
        return found if limit is None else found[: max(limit, 0)]

    async def search(self, query: str, offset: int = 0) -> FeaturePage:
        """Features by the meaning of their explanations, by `model/source/index`, or by the address of their page."""
        return await self._library.search(query, offset)

    async def presets(self) -> Sequence[Preset]:
        """The presets for the model; the first time this costs a steering request."""
        return await self._library.presets()

    async def presets_cost(self) -> str | None:
        """What the next look at the presets takes from the quota."""
        if await self._library.knows_presets():
            return None
        return "The first look at a model's presets costs one steering request; the answer is kept for a week."

    async def models(self) -> Sequence[ModelOffer]:
        """All models that the service has, those that can be steered first."""
        return await self._library.models()

    async def evidence(self, feature: Feature) -> Evidence:
        """The texts in which the feature fires most; what it promotes and suppresses stands in the feature itself."""
        return await self._library.evidence(feature)

    async def reread(self, text: str, features: Sequence[Feature]) -> Reading:
        """The activations of the features in the text, without steering and without probabilities."""
        return await reread(self._service, text, features)

    @property
    def reread_cost(self) -> str:
        """What a re-read takes from the service's limits."""
        return "Each feature of a re-read costs one of 1,000 requests for activations an hour."

    @property
    def publication(self) -> str:
        """What becomes public."""
        return (
            "Neuronpedia stores every finished generation, with its prompt and features, where anybody can read it, "
            "be there an API key or not."
        )

    @property
    def latest_link(self) -> str | None:
        """Where the latest text can be read."""
        return self._service.latest_link

    async def diagnose(self) -> Diagnosis:
        """Whether the service is there, runs the model, and knows the key; it costs no steering request."""
        return await diagnose(self._service, self._library, self._model)

    async def aclose(self) -> None:
        """Close the connection for good."""
        await self._service.aclose()

    async def _check_model(self, asked: Steering, *, chat: bool) -> None:
        """Refuse what the service would refuse, before a steering request is spent on it."""
        if not self._has_looked:
            try:
                self._offer = await self._library.model()
            except NotFound:
                raise
            except SteerError as error:
                if never_connected(error):
                    raise
                self._offer = None  # the steering request itself will tell
            self._has_looked = True
        obstacle = cannot_steer(self._offer, asked.names, chat=chat) if self._offer else None
        if obstacle is not None:
            raise obstacle
