"""What the service's refusals mean, where its words or habits tell more than the status."""

from steer_tui.domain import NotFound, Rejected, SteerError, Truncated
from steer_tui.wire import Refusal, refusal_error

_NO_SUCH_FEATURE = ("Found 0 entries", "out of bounds")


def explain(refusal: Refusal) -> SteerError:
    """The error that a refusal is, on any path."""
    words = refusal.words or f"HTTP {refusal.status}."
    match refusal.status:
        case 403:
            return Rejected(
                f"{refusal.origin} does not let this machine in: {words}",
                hint="The service itself refuses nobody in this way; look for a firewall or a proxy on the way.",
            )
        case 404 if refusal.words:
            return NotFound(
                f"{refusal.origin} does not have what was asked for: {words}",
                hint="Check the source and the index.",
            )
        case 500 if any(sign in words for sign in _NO_SUCH_FEATURE):
            return NotFound(
                f"{refusal.origin} has no such source or feature: {words}",
                hint="Check the source and the index of each dial's feature.",
            )
        case _:
            return refusal_error(refusal)


def explain_steering(refusal: Refusal) -> SteerError:
    """The same where a text was asked for, for which the service wants no key at all."""
    match refusal.status:
        case 401:
            hint = "No key of yours can change that; try again later."
            return _rejected(refusal, "was refused by its own inference server", hint)
        case 404 if refusal.words:
            return NotFound(explain(refusal).message, hint="Choose a model and a source whose inference is on.")
        case _:
            return explain(refusal)


def explain_stream(refusal: Refusal) -> SteerError:
    """The same for a stream, whose failure without a word is no better than one that was dropped."""
    if refusal.status == 500 and not refusal.words:
        return Truncated(f"{refusal.origin} failed before it began the stream.")
    return explain_steering(refusal)


def explain_search(refusal: Refusal) -> SteerError:
    """The same for a search, which answers with a bare 500 for a model that it does not know."""
    if refusal.status != 500:
        return explain(refusal)
    hint = "It answers so for a model that it does not know too: check the model's name, then try again."
    return _rejected(refusal, "failed to search", hint)


def explain_activation(refusal: Refusal) -> SteerError:
    """The same for activations, where every failure is one and the same 500."""
    if refusal.status != 500:
        return explain(refusal)
    hint = "A text of more than about 200 tokens is too long for it, and a source may have no inference."
    return _rejected(refusal, "could not compute the activations", hint)


def _rejected(refusal: Refusal, what: str, hint: str) -> Rejected:
    return Rejected(f"{refusal.origin} {what}: {refusal.words or f'HTTP {refusal.status}.'}", hint=hint)
