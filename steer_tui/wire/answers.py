"""JSON that a server answers, checked against what its protocol says before it is believed."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from steer_tui.domain import Malformed, safe_line

_A = TypeVar("_A", bound="Answer")


class Answer(BaseModel):
    """A JSON object of a server; what we do not know in it is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def read_answer(kind: type[_A], value: object) -> _A:
    """The answer that a JSON value is, or `Malformed` with the name of the field."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise not_the_protocol("answer", error) from error


def not_the_protocol(what: str, error: ValidationError) -> Malformed:
    """The error for what a server sent: its first fault, and the field where it is."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = safe_line(".".join(str(part) for part in first["loc"])[:80]) or "the whole"
    return Malformed(f"The server's {what} is not what its protocol says: {where}: {safe_line(first['msg'][:200])}.")
