"""The presets that the service knows for a model."""

from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import Field, WrapValidator

from steer_tui.domain import Feature
from steer_tui.engines.methods import method_called, value_of
from steer_tui.engines.names import FeatureName
from steer_tui.engines.neuronpedia.rows import (
    ExplanationRow,
    FeatureRow,
    NamedRow,
    Row,
    Switch,
    Text,
    feature_of,
    or_empty,
)
from steer_tui.engines.services import Preset


class PresetFeatureRow(NamedRow):
    """A feature of a preset, and how strongly it is turned."""

    strength: Annotated[float, Field(allow_inf_nan=False)]
    explanation: Text = None
    has_vector: Switch = False


class PresetRow(Row):
    """A preset of features."""

    name: str
    features: Annotated[tuple[PresetFeatureRow, ...], WrapValidator(or_empty)] = ()
    steer_method: Text = None


class PromptRow(Row):
    """A preset of a prompt."""

    name: str
    prompt: str


class PresetsRow(Row):
    """All presets of a model."""

    prompt_presets: Annotated[tuple[PromptRow, ...], WrapValidator(or_empty)] = ()
    feature_presets: Annotated[tuple[PresetRow, ...], WrapValidator(or_empty)] = ()

    @property
    def names(self) -> tuple[FeatureName, ...]:
        """The features that they turn, each once."""
        return tuple(dict.fromkeys(told.name for preset in self.feature_presets for told in preset.features))


def preset_features(row: PresetsRow, known: Mapping[FeatureName, FeatureRow]) -> tuple[Feature, ...]:
    """The features that the presets turn, in their order, with what is known of each."""
    told = {feature.name: feature for preset in row.feature_presets for feature in preset.features}
    return tuple(feature_of(known.get(name) or _bare(feature), feature.explanation) for name, feature in told.items())


def presets_of(row: PresetsRow, model: str, features: Iterable[Feature]) -> tuple[Preset, ...]:
    """The presets of features of this model, then those of prompts; the features are given with their final labels."""
    by_id = {feature.id: feature for feature in features}
    presets = []
    for preset in row.feature_presets:
        method = method_called(preset.steer_method or "SIMPLE_ADDITIVE")
        if method is None or not preset.features or any(told.model_id != model for told in preset.features):
            continue
        dials = tuple(
            (feature, value_of(told.strength, feature, method))
            for told in preset.features
            if (feature := by_id[told.name.id])
        )
        presets.append(Preset(preset.name, dials, method=method))
    return (*presets, *(Preset(told.name, (), told.prompt) for told in row.prompt_presets))


def _bare(told: PresetFeatureRow) -> FeatureRow:
    return FeatureRow(
        model_id=told.model_id,
        layer=told.layer,
        index=told.index,
        has_vector=told.has_vector,
        explanations=(ExplanationRow(description=told.explanation),),
    )
