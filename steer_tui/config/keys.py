"""The keys that the model has, by their path: ("engine",), ("sampling", "seed")."""

from typing import TypeAlias

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from steer_tui.config.model import Allowed, Config, Private

KeyPath: TypeAlias = tuple[str, ...]


def _walk(model: type[BaseModel], above: KeyPath = ()) -> dict[KeyPath, FieldInfo]:
    found: dict[KeyPath, FieldInfo] = {}
    for name, field in model.model_fields.items():
        path = (*above, field.alias or name)
        found[path] = field
        if (inner := section_model(field)) is not None:
            found |= _walk(inner, path)
    return found


def section_model(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a field that is a section, else None."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


FIELDS = _walk(Config)
"""Every section and every key."""


def is_private(path: KeyPath) -> bool:
    """Whether the key, or what it stands in, may hold a secret that was written in the wrong place."""
    while path not in FIELDS:
        path = path[:-1]
    return any(isinstance(item, Private) for item in FIELDS[path].metadata)


def siblings(path: KeyPath) -> tuple[str, ...]:
    """The names that are allowed where the last name of the path stands."""
    return tuple(known[-1] for known in FIELDS if known[:-1] == path[:-1])


def allowed(path: KeyPath) -> str:
    """What the key may hold, in words; of a path that goes deeper than the keys, its nearest known one."""
    while path not in FIELDS:
        path = path[:-1]
    if section_model(FIELDS[path]) is not None:
        return f"a section [{path[-1]}] with the keys {', '.join(siblings((*path, '')))}"
    # The outermost wording comes last, and is the most precise.
    return next(item.words for item in reversed(FIELDS[path].metadata) if isinstance(item, Allowed))
