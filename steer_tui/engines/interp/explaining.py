"""What the server's refusals mean, in sentences for a person."""

from typing import TYPE_CHECKING

from steer_tui.domain import NotFound, Overloaded, Rejected, SteerError, Unauthorized, Unsupported, safe_line
from steer_tui.engines.names import may_be_same_model
from steer_tui.wire import Refusal, presentable, refusal_error
from steer_tui.wire.origin import origin_of

if TYPE_CHECKING:
    import httpx

_LOADING = "the model is still loading"
_QUEUE_FULL = "already wait for a slot"
_LOG = "Look into the server's log."


class NotReady(Overloaded):
    """The server is there and takes no requests; why, a look at its health tells."""


class Failed(Rejected):
    """The server has failed on a request that it may take another time."""

    default_hint = _LOG


def explain_refusal(refusal: Refusal, *, has_token: bool) -> SteerError:
    """The error that a refusal is."""
    origin, words = refusal.origin, refusal.words or ""
    match refusal.status:
        case 401 | 403:
            return _unauthorized(origin, has_token)
        case 404:
            return Unsupported(
                f"{origin} has nothing at the path that was asked for.",
                hint="Check that the address is that of interp-engine's server, and its version.",
            )
        case 422:
            return Rejected(
                f"{origin} does not take the request: {words}", hint="The server may be of another version."
            )
        case 500:
            return Failed(f"{origin} failed on the request, and says no more than that.")
        case 503:
            return _unavailable(refusal, words)
        case _:
            return refusal_error(refusal)


def still_loading(origin: str) -> NotReady:
    """The error for a server that has not loaded its model."""
    return NotReady(f"{origin} is still loading its model.", hint="Wait until it has loaded: that can take minutes.")


def stream_error(response: "httpx.Response", detail: str) -> Failed:
    """The error that ended a stream, in the server's own words without what is secret."""
    words = presentable(detail, response.request.headers)
    return Failed(f"{origin_of(response.url)} failed while it wrote: {words}")


def prompt_too_long(tokens: int, limit: int) -> Rejected:
    """The error for a prompt that the server does not take."""
    return Rejected(
        f"The prompt has {tokens:,} tokens, and this server takes {limit:,}.",
        hint="Shorten the prompt, or start the server with a higher --max-prompt-tokens.",
    )


def text_too_long(tokens: int, limit: int) -> Rejected:
    """The error for a text that the server does not read."""
    return Rejected(
        f"The text has {tokens:,} tokens, and this server reads {limit:,} at once.",
        hint="Generate fewer tokens, or start the server with a higher --max-prompt-tokens.",
    )


def too_many_tokens(wanted: int, limit: int) -> Rejected:
    """The error for a text that is longer than the server writes."""
    return Rejected(
        f"{wanted:,} tokens are wanted, and this server writes {limit:,} at most.",
        hint=f"Ask for at most {limit:,}, or start the server with a higher --max-new-tokens.",
    )


def no_template() -> Unsupported:
    """The error for a chat with a model that has no form for one."""
    return Unsupported("This server's model has no chat template.", hint="Generate without --chat.")


def other_model(wanted: str | None, here: str) -> NotFound | None:
    """The error where another model is set than the server has."""
    if not wanted or may_be_same_model(wanted, here):
        return None
    return NotFound(
        f"The server has the model {safe_line(here)}, and {safe_line(wanted)} is set.",
        hint="Leave the model out, or start the server with the one that is set.",
    )


def _unauthorized(origin: str, has_token: bool) -> Unauthorized:
    hint = "Set the token that the server was started with (INTERP_ENGINE_SERVER_TOKEN)."
    if has_token:
        return Unauthorized(f"{origin} does not accept this token.", hint=hint)
    return Unauthorized(f"{origin} wants a token, and none is set.", hint=hint)


def _unavailable(refusal: Refusal, words: str) -> SteerError:
    if _LOADING in words:
        return still_loading(refusal.origin)
    error = refusal_error(refusal)
    if _QUEUE_FULL in words:
        return error
    return NotReady(error.message, hint=error.hint, retry_after=error.retry_after)
