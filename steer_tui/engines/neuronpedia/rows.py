"""What the service tells of a feature, cut down to what is used; a field that is not as expected is as none."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, WrapValidator
from pydantic.alias_generators import to_camel

from steer_tui.domain import Context, Evidence, Feature, FeatureKind, Malformed
from steer_tui.engines.names import FeatureName

CONTEXTS_MAX = 8
TOKENS_MAX = 20
FALLBACK_UNIT = 10.0
NOTCHES = 5.0
"""The notches that the known maximum is divided into."""


def or_none(value: Any, validate: Callable[[Any], Any]) -> Any:
    """What a value is read as, or None where it cannot be."""
    try:
        return validate(value)
    except ValidationError:
        return None


def or_empty(value: Any, validate: Callable[[Any], Any]) -> Any:
    """What a value is read as, or nothing where it cannot be."""
    try:
        return validate(value)
    except ValidationError:
        return ()


Number = Annotated[
    Annotated[float, Field(allow_inf_nan=False)] | None,
    WrapValidator(or_none),
]
Text = Annotated[str | None, WrapValidator(or_none)]
Texts = Annotated[tuple[str, ...], WrapValidator(or_empty)]
Switch = Annotated[bool, WrapValidator(lambda value, _: value is True)]


class Row(BaseModel):
    """An object of the service's, whose other fields are left out."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", coerce_numbers_to_str=True, frozen=True
    )

    def kept(self) -> Any:
        """The row as JSON, to be read again."""
        return self.model_dump(mode="json", by_alias=True)


class ExplanationRow(Row):
    """What somebody says of a feature."""

    description: Text = None


class ActivationRow(Row):
    """A text in which the feature fires."""

    tokens: Texts = ()
    values: Annotated[tuple[Annotated[float, Field(allow_inf_nan=False)], ...], WrapValidator(or_empty)] = ()


class NamedRow(Row):
    """An object that says which feature it is about."""

    model_id: str
    layer: str
    index: Annotated[str, Field(pattern=r"^\d{1,9}$")]

    @property
    def name(self) -> FeatureName:
        """Where the feature stands."""
        return FeatureName(self.model_id, self.layer, int(self.index))


class FeatureRow(NamedRow):
    """A feature as the service holds it."""

    max_act_approx: Number = None
    has_vector: Switch = False
    vector_label: Text = None
    vector_default_steer_strength: Number = None
    frac_nonzero: Annotated[Number, Field(alias="frac_nonzero")] = None
    promoted: Annotated[Texts, Field(alias="pos_str")] = ()
    suppressed: Annotated[Texts, Field(alias="neg_str")] = ()
    explanations: Annotated[tuple[ExplanationRow, ...], WrapValidator(or_empty)] = ()
    activations: Annotated[tuple[ActivationRow, ...], WrapValidator(or_empty)] = ()

    @property
    def label(self) -> str | None:
        """The best thing that is said of it, or None where nothing is."""
        told = [explanation.description for explanation in self.explanations]
        return next((text for text in [*told, self.vector_label] if text and text.strip()), None)


class FoundRow(NamedRow):
    """One of the features that a search found."""

    description: Text = None
    neuron: Annotated[FeatureRow | None, WrapValidator(or_none)] = None


class FoundPage(Row):
    """An answer to a search."""

    results: tuple[FoundRow, ...]
    has_more: Switch = False
    next_offset: Annotated[Annotated[int, Field(ge=0)] | None, WrapValidator(or_none)] = None


_Row = TypeVar("_Row", bound=Row)


def read_row(kind: type[_Row], value: Any) -> _Row:
    """The row that a JSON value is, or `Malformed`."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise Malformed(
            f"The service's answer is not as expected{f', at {where}' if where else ''}.",
        ) from error


def feature_of(row: FeatureRow, label: str | None = None) -> Feature:
    """The feature that a row tells of, under a label of its own or the best there is."""
    unit, origin = _unit(row)
    return Feature(
        id=row.name.id,
        label=_one_line(label or row.label) or f"{row.layer}/{row.index}",
        unit=unit,
        kind=FeatureKind.VECTOR if row.has_vector else FeatureKind.SAE,
        unit_origin=origin,
        max_activation=row.max_act_approx if row.max_act_approx and row.max_act_approx > 0 else None,
        density=row.frac_nonzero if row.frac_nonzero is not None and 0 <= row.frac_nonzero <= 1 else None,
        promoted=row.promoted[:TOKENS_MAX],
        suppressed=row.suppressed[:TOKENS_MAX],
    )


def with_unique_labels(features: Iterable[Feature]) -> tuple[Feature, ...]:
    """Each feature once, as it comes first; two of one name with their index, and if need be their source."""
    once: dict[str, Feature] = {}
    for feature in features:
        once.setdefault(feature.id, feature)
    labels = {id: feature.label for id, feature in once.items()}
    for depth in (1, 2):
        seen: dict[str, list[str]] = {}
        for id, label in labels.items():
            seen.setdefault(label.casefold(), []).append(id)
        for ids in seen.values():
            if len(ids) > 1:
                labels |= {id: f"{once[id].label} ({'/'.join(id.split('/')[-depth:])})" for id in ids}
    return tuple(_relabelled(feature, labels[id]) for id, feature in once.items())


def evidence_of(row: FeatureRow) -> Evidence:
    """The texts in which the feature fires most."""
    whole = [context for context in row.activations if context.tokens and len(context.tokens) == len(context.values)]
    whole.sort(key=lambda context: max(context.values), reverse=True)
    return Evidence(tuple(Context(context.tokens, context.values) for context in whole[:CONTEXTS_MAX]))


def _unit(row: FeatureRow) -> tuple[float, str]:
    if row.max_act_approx and row.max_act_approx > 0:
        return row.max_act_approx / NOTCHES, "1/5 of its highest known activation"
    if row.vector_default_steer_strength:
        return abs(row.vector_default_steer_strength) / NOTCHES, "1/5 of the strength that its maker names"
    return FALLBACK_UNIT, f"{FALLBACK_UNIT:g}, for its highest activation is not known"


def _one_line(text: str | None) -> str:
    return " ".join(text.split()) if text else ""


def _relabelled(feature: Feature, label: str) -> Feature:
    return feature if feature.label == label else replace(feature, label=label)
