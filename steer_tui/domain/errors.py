"""What can go wrong, as one small family: each says in a sentence what happened and what to do next.

The `code` of an error is what travels in an `error` event (its family's name in snake case), and what a reader of
`--json` output can rely on.
"""

import math
import re
from typing import ClassVar


class SteerError(Exception):
    """What every engine's failure becomes at its door: a sentence for a person, and a hint of what to do next."""

    default_hint: ClassVar[str] = "Try again."
    passing: ClassVar[bool] = False
    """Whether the same request may succeed a moment later, so that it is worth asking again."""

    def __init__(self, message: str, *, hint: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        """One sentence: what happened."""
        self.hint = hint if hint is not None else self.default_hint
        """One sentence: what to do next."""
        self.retry_after = retry_after if retry_after is not None and math.isfinite(retry_after) else None
        """Seconds after which the other side wants to be asked again, or None where it named no time."""

    @property
    def code(self) -> str:
        """The name of its family in snake case, as it travels in an `error` event; a kind of its own has none."""
        line = type(self).__mro__
        family = line[max(line.index(SteerError) - 1, 0)]
        return re.sub(r"(?<!^)(?=[A-Z])", "_", family.__name__).lower()


class RateLimited(SteerError):
    """The other side answers no more requests for `retry_after` seconds (None: it named no time)."""

    default_hint = "Wait a while, then try again."


class Unreachable(SteerError):
    """No connection could be made, or it was lost."""

    default_hint = "Check that the server runs and that the address is right, then try again."
    passing = True


class Unauthorized(SteerError):
    """The other side wants a key, or another one."""

    default_hint = "Set the API key, then try again."


class Rejected(SteerError):
    """The request is wrong; the message holds the server's own words."""

    default_hint = "Change the request, then try again."


class NotFound(SteerError):
    """The model, the source or the feature does not exist there."""

    default_hint = "Check the name."


class Overloaded(SteerError):
    """The other side has no room for this request just now."""

    default_hint = "Wait a little, then try again."
    passing = True


class TimedOut(SteerError):
    """Nothing came within the deadline."""

    default_hint = "Try again, or raise the deadline in config.toml under [deadlines]."
    passing = True


class Truncated(SteerError):
    """The stream ended without its end."""

    default_hint = "Try again; the text so far is kept."
    passing = True


class Malformed(SteerError):
    """What came is not the protocol, or a file is not in its format."""

    default_hint = "Check that both sides are of a matching version."


class Unsupported(SteerError):
    """This engine cannot do that."""

    default_hint = "Choose another engine or method."


def _family() -> dict[str, type[SteerError]]:
    return {kind("").code: kind for kind in SteerError.__subclasses__()}


def error_from_code(
    code: str | None, message: str, retry_after: float | None = None, *, hint: str | None = None
) -> SteerError:
    """The error that an `error` event names; a code that nobody knows is `Malformed`."""
    return _family().get(code or "", Malformed)(message, hint=hint, retry_after=retry_after)
