"""What the server's refusals mean, in sentences for a person."""

import re
from collections.abc import Sequence

from steer_tui.domain import NotFound, Overloaded, Rejected, SteerError, Unauthorized, Unsupported, safe_line
from steer_tui.wire import Refusal, refusal_error

_NO_SOURCE = re.compile(r"Found 0 entries when searching for (?:\S*/)?([^\s/]+)")
_NO_INDEX = re.compile(r"index (-?\d+) is out of bounds for dimension \d+ with size (\d+)")
_TOO_LONG = re.compile(r"Text too long: (\d+) tokens, max is (\d+)")
_LOADING = "Server not initialized."
_NO_BOS = "startswith first arg must be"
_NO_TEMPLATE = "no chat template"


def explain_refusal(refusal: Refusal, path: str, *, has_key: bool, sets: Sequence[str]) -> SteerError:
    """The error that a refusal of what was asked at a path is: many of this server's HTTP 500 are not its failures."""
    words = refusal.words or ""
    match refusal.status:
        case 401 | 403:
            return _unauthorized(refusal.origin, has_key)
        case 400:
            return _bad_request(refusal, path, words)
        case 404:
            return Unsupported(
                f"{refusal.origin} has nothing at the path that was asked for.",
                hint="Check that the address is that of Neuronpedia's inference server, and its version.",
            )
        case 422:
            return Rejected(
                f"{refusal.origin} does not take the request: {words}", hint="The server may be of another version."
            )
        case 500:
            return _failure(refusal, words, sets)
        case _:
            return refusal_error(refusal)


def prompt_too_long(tokens: int, limit: int) -> Rejected:
    """The error for a prompt that the server does not take."""
    return Rejected(
        f"The prompt has {tokens:,} tokens, and this server takes {limit:,}.",
        hint="Shorten the prompt, or start the server with a higher TOKEN_LIMIT.",
    )


def text_too_long(tokens: int, limit: int) -> Rejected:
    """The error for a text that the server does not read."""
    return Rejected(
        f"The text has {tokens:,} tokens, and this server reads {limit:,} at once.",
        hint="Generate fewer tokens, or start the server with a higher ACTIVATION_TOKEN_LIMIT.",
    )


def _unauthorized(origin: str, has_key: bool) -> Unauthorized:
    if has_key:
        return Unauthorized(f"{origin} does not accept this key.", hint="Set the key that the server's SECRET holds.")
    return Unauthorized(f"{origin} wants a key, and none is set.", hint="Set the key that the server's SECRET holds.")


def _bad_request(refusal: Refusal, path: str, words: str) -> SteerError:
    if found := _TOO_LONG.search(words):
        too_long = text_too_long if path.startswith("/v1/activation/") else prompt_too_long
        return too_long(int(found[1]), int(found[2]))
    if _NO_TEMPLATE in words:
        return Unsupported("This server's model has no chat template.", hint="Generate without --chat.")
    return refusal_error(refusal)


def _failure(refusal: Refusal, words: str, sets: Sequence[str]) -> SteerError:
    origin = refusal.origin
    if words.startswith(_LOADING):
        why = words.removeprefix(_LOADING).strip()
        if why:
            return Rejected(f"{origin} could not load its model: {why}", hint="Look into the server's log.")
        return Overloaded(
            f"{origin} is still loading its model.", hint="Wait until it has loaded: that can take minutes."
        )
    if found := _NO_SOURCE.search(words):
        return no_source(found[1], sets)
    if found := _NO_INDEX.search(words):
        index, size = int(found[1]), int(found[2])
        return NotFound(f"There is no feature {index}: this source has {size:,}, counted from 0.")
    if _NO_BOS in words:
        return Unsupported(
            "This server cannot read activations with a model that has no token to begin a text with.",
            hint="A newer server may; generating works without it.",
        )
    return refusal_error(refusal)


def no_source(source: str, sets: Sequence[str]) -> NotFound:
    """The error for a source that the server does not have."""
    known = f", and this server has the sets {', '.join(map(safe_line, sets[:8]))}" if sets else ""
    return NotFound(
        f"This server has no source {safe_line(source)}.",
        hint=f"A source is named by its layer and its set{known}.",
    )
