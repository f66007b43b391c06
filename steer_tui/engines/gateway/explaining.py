"""What a gateway's refusals mean, in sentences for a person."""

import re

from steer_tui.domain import Malformed, NotFound, Rejected, SteerError, Unauthorized, error_from_code
from steer_tui.wire import Refusal, refusal_error

_ANOTHER_SERVER = "Check that the address is that of `steer-tui serve`, and that both sides are of a matching version."
_TOKEN_HINT = "Set the token that the gateway was started with."
_FORBIDDEN_HINT = "Ask the gateway under a name that it answers to, or have it started with a token."
_TOO_LONG = re.compile(r"prompt: \D+at most ([0-9]{1,9}) characters\.?")


class Gone(NotFound):
    """The gateway does not know the run any more: nothing can be gone on with."""


def explain_refusal(refusal: Refusal, *, has_token: bool) -> SteerError:
    """The error that a refusal is: by its code where that is known, else by its status."""
    origin, status = refusal.origin, refusal.status
    if status == 403 and refusal.words is not None:
        return Unauthorized(refusal.words, hint=refusal.hint or _FORBIDDEN_HINT)
    if status in (401, 403):
        what = "does not accept this token" if has_token else "wants a token, and none is set"
        return Unauthorized(f"{origin} {what}.", hint=_TOKEN_HINT)
    if status == 410 or (status == 404 and refusal.code is not None):
        return Gone(f"{origin} does not know this generation any more.", hint="Generate it anew.")
    if status in (404, 405) and refusal.code is None:
        return Malformed(f"{origin} is no gateway, or one of another version.", hint=_ANOTHER_SERVER)
    if status in (413, 422) and (bound := _bound_of_prompt(refusal)) is not None:
        return Rejected(f"The prompt is too long for the gateway{bound}.", hint="Shorten the prompt, then try again.")
    if status != 429 and refusal.code is not None and refusal.words is not None:
        wait = refusal.limit.wait if refusal.limit else None
        error = error_from_code(refusal.code, refusal.words, wait, hint=refusal.hint)
        if error.code == refusal.code:
            return error
    return refusal_error(refusal)


def _bound_of_prompt(refusal: Refusal) -> str | None:
    """What the gateway takes, as far as it says so; None where it is not the prompt that is too long."""
    if refusal.status == 413:  # everything else in a request is small
        return f": {refusal.words.rstrip('.')}" if refusal.words else ""
    found = _TOO_LONG.fullmatch(refusal.words or "")
    return None if found is None else f", which takes at most {int(found[1]):,} characters"
