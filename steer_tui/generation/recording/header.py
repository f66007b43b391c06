"""A recording's first line: what the run was made from, to JSON and back."""

import math
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from steer_tui import __version__
from steer_tui.domain import Dial, Feature, FeatureKind, InvalidValue, Lane, Malformed, Method, Sampling
from steer_tui.engines.replay import RecordedRun

FORMAT: Final = 1
"""The version of the format; a reader refuses a higher one."""

_SIZE: Final = 1e30
"""What a value or a unit is less than, so that their product still is a number."""

CHANGED: Final = "It was not written by steer-tui, or it was changed."
"""What is to be done about a file that is wrong."""


class _Part(BaseModel):
    """What is not known of a later version's additions is left out."""

    model_config = ConfigDict(strict=True, alias_generator=to_camel, allow_inf_nan=False, frozen=True)


class _Sampling(_Part):
    temperature: float
    max_tokens: int
    seed: int
    stop: list[str]


class _Dial(_Part):
    id: str
    label: str
    unit: Annotated[float, Field(lt=_SIZE)]
    unit_origin: str
    kind: Annotated[FeatureKind, Field(strict=False)]
    residual_norm: float | None = None
    max_activation: float | None = None
    density: float | None = None
    promoted: list[str] = []
    suppressed: list[str] = []
    value: Annotated[float, Field(gt=-_SIZE, lt=_SIZE)]
    muted: bool

    def read(self) -> Dial:
        feature = Feature(
            self.id,
            self.label,
            self.unit,
            self.kind,
            self.unit_origin,
            self.residual_norm,
            self.max_activation,
            self.density,
            tuple(self.promoted),
            tuple(self.suppressed),
        )
        return Dial(feature, self.value, self.muted)


class _Header(_Part):
    engine: str
    model: str
    prompt: str
    chat: bool
    sampling: _Sampling
    method: Annotated[Method, Field(strict=False)]
    dials: Annotated[list[_Dial], Field(max_length=1000)]
    lanes: list[Annotated[Lane, Field(strict=False)]]

    def read(self) -> RecordedRun:
        sampling = self.sampling
        return RecordedRun(
            self.engine,
            self.model,
            self.prompt,
            Sampling(sampling.temperature, sampling.max_tokens, sampling.seed, tuple(sampling.stop)),
            tuple(dial.read() for dial in self.dials),
            self.method,
            self.chat,
            tuple(self.lanes),
        )


def header_to_wire(run: RecordedRun) -> dict[str, Any]:
    """The JSON object of a run."""
    sampling = run.sampling
    return {
        "recording": FORMAT,
        "steerTui": __version__,
        "engine": run.engine,
        "model": run.model,
        "prompt": run.prompt,
        "chat": run.chat,
        "sampling": {
            "temperature": sampling.temperature,
            "maxTokens": sampling.max_tokens,
            "seed": sampling.seed,
            "stop": list(sampling.stop),
        },
        "method": run.method.value,
        "dials": [_dial_to_wire(dial) for dial in run.dials],
        "lanes": [lane.value for lane in run.lanes],
    }


def _dial_to_wire(dial: Dial) -> dict[str, Any]:
    feature = dial.feature
    told = {
        "id": feature.id,
        "label": feature.label,
        "unit": feature.unit,
        "unitOrigin": feature.unit_origin,
        "kind": feature.kind.value,
        "residualNorm": feature.residual_norm,
        "maxActivation": feature.max_activation,
        "density": feature.density,
        "promoted": list(feature.promoted),
        "suppressed": list(feature.suppressed),
        "value": dial.value,
        "muted": dial.muted,
    }
    return {name: value for name, value in told.items() if _is_told(value)}


def _is_told(value: object) -> bool:
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def header_from_wire(data: object) -> RecordedRun:
    """The run of a JSON object; raises `Malformed` for what is none, and for that of a later version."""
    version = data.get("recording") if isinstance(data, dict) else None
    if not isinstance(data, dict) or type(version) is not int or version < 1:
        raise Malformed(
            "it does not begin as a recording does", hint="`steer-tui run --record FILE` writes a recording."
        )
    if version > FORMAT:
        raise Malformed(
            f"it was written by a newer steer-tui ({str(data.get('steerTui'))[:20]})",
            hint="Play it with that version, or a later one.",
        )
    try:
        run = _Header.model_validate(data).read()
        _check(run)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in fault["loc"])
        raise Malformed(f"it does not say its {field} as it should", hint=CHANGED) from error
    except InvalidValue as error:
        raise Malformed(f"it cannot be: {error}", hint=CHANGED) from error
    return run


def _check(run: RecordedRun) -> None:
    """Raise InvalidValue for what could never have been asked."""
    _ = run.request
    if len({feature.id for feature in run.features}) != len(run.dials):
        raise InvalidValue("Two dials are of one feature.")
