"""What belongs to the server's model: the server takes every name for its own, and would steer with what it is not."""

from collections.abc import Iterable

from steer_tui.domain import NotFound, safe_line
from steer_tui.engines.inference_server.random_name import RandomName
from steer_tui.engines.names import FeatureName, may_be_same_model

UNKNOWN_MODEL = "unknown model"
"""What a model is called of which neither the server nor the person tells."""


def other_model(wanted: str | None, here: str | None) -> NotFound | None:
    """The error where another model is set than the server has, as far as both are known."""
    if not wanted or not here or may_be_same_model(wanted, here):
        return None
    return NotFound(
        f"The server has the model {safe_line(here)}, and {safe_line(wanted)} is set.",
        hint="Leave the model out, or start the server with the one that is set.",
    )


def check_features(names: Iterable[FeatureName | RandomName], here: str | None) -> None:
    """Raise NotFound for a feature of another model than the server has."""
    for name in names:
        feature = name.like if isinstance(name, RandomName) else name
        if not here or feature.model in (None, UNKNOWN_MODEL) or may_be_same_model(feature.model, here):
            continue
        raise NotFound(
            f"The feature {safe_line(feature.id)} belongs to another model than {safe_line(here)}, "
            "which is the one that the server has.",
            hint=f"Choose features of {safe_line(here)}, or start the server with {safe_line(feature.model)}.",
        )
