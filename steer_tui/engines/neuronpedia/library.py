"""Features, presets and models: what can be asked of the service without generating, each answer kept."""

from collections.abc import Sequence
from typing import Any

from steer_tui.domain import Evidence, Feature, NotFound, Rejected, SteerError, Unsupported, safe_line
from steer_tui.engines.kept import KeptAnswers
from steer_tui.engines.names import FeatureName, is_address, read_name
from steer_tui.engines.neuronpedia.models import (
    ModelRow,
    kept_models,
    missing_model,
    offer_of,
    steerable_first,
)
from steer_tui.engines.neuronpedia.presets import PresetsRow, preset_features, presets_of
from steer_tui.engines.neuronpedia.refusals import explain, explain_search
from steer_tui.engines.neuronpedia.rows import (
    CONTEXTS_MAX,
    FeatureRow,
    FoundPage,
    evidence_of,
    feature_of,
    or_none,
    read_row,
    with_unique_labels,
)
from steer_tui.engines.neuronpedia.service import Service
from steer_tui.engines.services import FeaturePage, ModelOffer, Preset
from steer_tui.wire import Refusal

QUERY_MIN = 3
"""Characters that a search needs."""

MODELS_FRESH_SECONDS = 86400.0
"""How long it is taken for true which models the service runs."""

_WELL_KNOWN = {"gemma-2-2b": ("20-gemmascope-res-16k", (12082, 12887, 8993, 1370))}
"""Features of dogs, San Francisco, banks and bridges, to begin with where nobody has searched yet."""


class Library:
    """Asks for what is known of one model, and keeps every answer."""

    def __init__(self, service: Service, kept: KeptAnswers, model: str) -> None:
        self._service, self._kept, self._model = service, kept, model

    async def offer(self) -> tuple[Feature, ...]:
        """A few features to begin with; asking for them takes nothing from any narrow limit."""
        if self._model in _WELL_KNOWN:
            source, indexes = _WELL_KNOWN[self._model]
            names = [FeatureName(self._model, source, index) for index in indexes]
            rows = await self._rows(names)
            return with_unique_labels(feature_of(rows[name]) for name in names if name in rows)
        presets = await self._kept.find(self._question("presets"))
        if presets is None:
            return ()
        row = read_row(PresetsRow, presets.value)
        return with_unique_labels(preset_features(row, await self._known(row.names)))

    async def search(self, query: str, offset: int) -> FeaturePage:
        """A page of the features that are meant, or whose explanations come near the words."""
        name = self._named(query)
        if name is not None:
            row, age = await self._row(name)
            return FeaturePage((feature_of(row),) if offset == 0 else (), None, age)
        words = query.strip()
        if len(words) < QUERY_MIN:
            raise Rejected(
                f"A search needs at least {QUERY_MIN} characters.",
                hint="Type a few words that say what the feature is about, or model/source/index.",
            )
        return await self._search(words, offset)

    async def evidence(self, feature: Feature) -> Evidence:
        """The texts in which a feature fires most."""
        name = read_name(feature.id)
        return Evidence() if name is None else evidence_of((await self._row(name))[0])

    async def presets(self) -> tuple[Preset, ...]:
        """All presets of the model."""

        async def ask() -> Any:
            return read_row(
                PresetsRow, await self._service.ask_charged("/api/steer/presets", {"modelId": self._model})
            ).kept()

        row = read_row(PresetsRow, (await self._kept.answer(self._question("presets"), ask)).value)
        features = with_unique_labels(preset_features(row, await self._known(row.names)))
        return presets_of(row, self._model, features)

    async def knows_presets(self) -> bool:
        """Whether the presets are kept, so that they can be told without a request."""
        kept = await self._kept.find(self._question("presets"))
        return kept is not None and kept.is_fresh

    async def models(self) -> tuple[ModelOffer, ...]:
        """All models, those that can be steered first."""

        async def ask() -> Any:
            return [row.kept() for row in kept_models(await self._service.ask("POST", "/api/model/list", {}))]

        kept = await self._kept.answer(self._models_question, ask, MODELS_FRESH_SECONDS)
        return steerable_first(offer_of(row) for row in kept_models(kept.value))

    async def model(self) -> ModelOffer:
        """What the service tells of the model, or has told of late; raises `NotFound` where it has none of the name."""
        listed = await self._kept.find(self._models_question)
        if listed is not None and (listed.age_seconds or 0.0) < MODELS_FRESH_SECONDS:
            offers = {row.id: offer_of(row) for row in kept_models(listed.value)}
            if self._model in offers:
                return offers[self._model]
            if offers:
                raise missing_model(self._model, offers)

        kept = await self._kept.answer(self._question("model"), self._ask_model, MODELS_FRESH_SECONDS)
        return offer_of(read_row(ModelRow, kept.value))

    async def model_now(self) -> ModelOffer:
        """The same, asked anew."""
        told = await self._ask_model()
        await self._kept.keep(self._question("model"), told)
        return offer_of(read_row(ModelRow, told))

    async def _ask_model(self) -> Any:
        def explain_model(refusal: Refusal) -> SteerError:
            if refusal.status != 404:
                return explain(refusal)
            if refusal.words and "model" in refusal.words.casefold():
                return missing_model(self._model, ())
            return Unsupported(f"{refusal.origin} tells of no single model.")

        told = await self._service.ask("POST", "/api/model/get", {"id": self._model}, explain_model)
        if not told:
            raise missing_model(self._model, ())
        return read_row(ModelRow, told).kept()

    def _named(self, query: str) -> FeatureName | None:
        """The feature that a query names by its id or its page's address, or None where it is words to search for."""
        named = read_name(query, self._service.url)
        if named is None:
            if is_address(query):
                raise Rejected(
                    f"The address {safe_line(query.strip()[:200])} is not that of a feature's page on Neuronpedia.",
                    hint="Such an address ends in model/source/index.",
                )
            return None
        name = named.of(self._model)
        if name.model != self._model:
            raise NotFound(
                f"The feature {safe_line(name.id)} belongs to another model than {self._model}.",
                hint=f"Choose the model {safe_line(str(name.model))}, or a feature of {self._model}.",
            )
        return name

    async def _search(self, words: str, offset: int) -> FeaturePage:
        async def ask() -> Any:
            body = {"modelId": self._model, "query": words, "offset": offset}
            answer = await self._service.ask("POST", "/api/explanation/search-model", body, explain=explain_search)
            return read_row(FoundPage, answer).kept()

        kept = await self._kept.answer(self._question("search", words.casefold(), offset), ask)
        page = read_row(FoundPage, kept.value)
        found = [row for row in page.results if row.model_id == self._model]
        rows = {row.name: row.neuron for row in found if row.neuron is not None and row.neuron.name == row.name}
        rows |= await self._known([row.name for row in found if row.name not in rows])
        features = with_unique_labels(
            feature_of(
                rows.get(row.name) or FeatureRow(model_id=row.model_id, layer=row.layer, index=row.index),
                row.description,
            )
            for row in found
        )
        following = page.next_offset if page.next_offset is not None else offset + len(page.results)
        return FeaturePage(features, following if page.has_more and page.results else None, kept.age_seconds)

    async def _row(self, name: FeatureName) -> tuple[FeatureRow, float | None]:
        async def ask() -> Any:
            return read_row(FeatureRow, await self._service.ask("GET", f"/api/feature/{name.id}")).kept()

        kept = await self._kept.answer(self._question("feature", name.id), ask)
        return read_row(FeatureRow, kept.value), kept.age_seconds

    async def _known(self, names: Sequence[FeatureName]) -> dict[FeatureName, FeatureRow]:
        """The rows of features, or none of them where the service does not tell."""
        try:
            return await self._rows(names)
        except SteerError:
            return {}

    async def _rows(self, names: Sequence[FeatureName]) -> dict[FeatureName, FeatureRow]:
        """The rows of features that are asked for together."""
        if not names:
            return {}

        async def ask() -> Any:
            body = [
                {"modelId": name.model, "layer": name.source, "index": name.index, "maxActsToReturn": CONTEXTS_MAX}
                for name in names
            ]
            answer = await self._service.ask("POST", "/api/features", body)
            rows = answer if isinstance(answer, list) else []
            return [row.kept() for told in rows if (row := or_none(told, FeatureRow.model_validate)) is not None]

        kept = await self._kept.answer(self._question("features", *(name.id for name in names)), ask)
        rows = [read_row(FeatureRow, value) for value in kept.value]
        return {row.name: row for row in rows}

    @property
    def _models_question(self) -> list[object]:
        return ["models", self._service.url, self._service.account]

    def _question(self, kind: str, *asked: object) -> list[object]:
        """What an answer is kept under: to each key the service may tell something else."""
        return [kind, self._service.url, self._service.account, self._model, *asked]
