"""An answer that is a refusal, in the server's own words, and the error that it becomes."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from steer_tui.domain import (
    Malformed,
    NotFound,
    Overloaded,
    RateLimited,
    Rejected,
    SteerError,
    TimedOut,
    Unauthorized,
    Unreachable,
    safe_line,
    safe_text,
)
from steer_tui.wire.bodies import media_type, read_beginning
from steer_tui.wire.json_values import parse_json
from steer_tui.wire.origin import origin_of
from steer_tui.wire.rate_limit import RateLimit, read_rate_limit

REFUSAL_BYTES_MAX = 64 * 1024
WORDS_MAX = 300

_KEY_HEADERS = ("authorization", "x-api-key", "x-secret-key", "api-key")
_OTHER_SERVER = "Check that the address is the right one, and that the server is of a matching version."


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a server answered instead of what it was asked for."""

    origin: str
    status: int
    words: str | None
    """Why, in the server's own words, safe to draw on one line; None where it gave none."""
    limit: RateLimit | None = None
    """How often it may be asked, as far as it said."""
    location: httpx.URL | None = None
    """Where it points to, if it is a redirect."""
    code: str | None = None
    """What the server calls the refusal, where its JSON has a `code`."""
    hint: str | None = None
    """What to do about it, in the server's own words, safe to draw on one line."""


Explain = Callable[[Refusal], SteerError]
"""How a refusal becomes an error: an engine that knows its server's words better puts `refusal_error` in its own."""


async def read_refusal(response: httpx.Response) -> Refusal:
    """Read an answer that is no success; of a body that is too long only the beginning is read."""
    body: object = None
    words = None
    try:
        beginning = await read_beginning(response, REFUSAL_BYTES_MAX)
    except httpx.HTTPError:
        beginning = b""  # the status tells more than that its explanation was lost
    try:
        body = parse_json(beginning)
    except Malformed:
        if media_type(response) == "text/plain":
            words = beginning.decode(errors="replace")
    else:
        words = _words_of(body)
    return Refusal(
        origin=origin_of(response.url),
        status=response.status_code,
        words=presentable(words, response.request.headers) if words else None,
        limit=read_rate_limit(response.headers, body, time.time()),
        location=_location(response),
        code=_member(body, "code"),
        hint=presentable(hint, response.request.headers) if (hint := _member(body, "hint")) else None,
    )


def refusal_error(refusal: Refusal) -> SteerError:
    """The error that a refusal is, by its status."""
    origin, status, words = refusal.origin, refusal.status, refusal.words
    retry_after = refusal.limit.wait if refusal.limit else None
    said = f": {words}" if words else f" (HTTP {status})."
    match status:
        case 401 | 403:
            return Unauthorized(f"{origin} wants an API key, or another one{said}")
        case 404 | 410:
            return NotFound(f"{origin} does not have what was asked for{said}")
        case 405 | 406 | 415 | 501:
            return Malformed(f"{origin} does not take this kind of request{said}", hint=_OTHER_SERVER)
        case 408 | 504:
            return TimedOut(f"{origin} gave up waiting{said}", retry_after=retry_after)
        case 429:
            return RateLimited(_limit_words(refusal), retry_after=retry_after)
        case 502:
            return Unreachable(f"{origin} cannot reach the server behind it{said}", retry_after=retry_after)
        case 503 | 529:
            return Overloaded(f"{origin} has no room for this request{said}", retry_after=retry_after)
        case _ if 400 <= status < 500:
            return Rejected(f"{origin} refused the request{said}")
        case _ if status >= 500:
            hint = "Try again; if it fails again, the server's log may tell why."
            return Rejected(f"{origin} failed on the request{said}", hint=hint)
        case _ if refusal.location is not None:
            return _redirect_error(origin, refusal.location)
        case _:
            return Malformed(f"{origin} gave an answer of a kind that nobody asked for{said}", hint=_OTHER_SERVER)


def _redirect_error(origin: str, location: httpx.URL) -> Malformed:
    target = origin_of(location)
    if target == origin:
        return Malformed(
            f"{origin} points to another path of its own, and redirects are not followed.", hint=_OTHER_SERVER
        )
    return Malformed(
        f"{origin} points to {target}, and redirects are not followed: a key must not travel to another host.",
        hint=f"If {target} is the server that you mean, give that as its address.",
    )


def _limit_words(refusal: Refusal) -> str:
    limit = refusal.limit
    if limit is None or limit.limit is None:
        said = f": {refusal.words}" if refusal.words else "."
        return f"{refusal.origin} takes no more requests for now{said}"
    to = f" to {safe_line(limit.name[:WORDS_MAX])}" if limit.name else ""
    window = f" in {_duration(limit.window)}" if limit.window else ""
    requests = "1 request" if limit.limit == 1 else f"{limit.limit:,} requests"
    return f"{refusal.origin} allows {requests}{to}{window}, and no more for now."


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            count = round(seconds / size)
            return f"{count:,} {unit}{'' if count == 1 else 's'}"
    return f"{seconds:g} s"


def _words_of(body: object) -> str | None:
    """The first sentence to be found where servers put one: `message`, `error` or `detail`."""
    if isinstance(body, str):
        return body
    if isinstance(body, list):
        return _words_of(body[0]) if body else None
    if not isinstance(body, dict):
        return None
    if isinstance(told := body.get("msg"), str):
        where = body.get("loc")
        place = ".".join(str(part) for part in where if part != "body") if isinstance(where, list) else ""
        return f"{place}: {told}" if place else told
    return next((words for key in ("message", "error", "detail") if (words := _words_of(body.get(key)))), None)


def _member(body: object, name: str) -> str | None:
    value = body.get(name) if isinstance(body, dict) else None
    return value if isinstance(value, str) else None


def presentable(words: str, asked_with: httpx.Headers) -> str:
    """The words on one line, short, safe to draw, and without a key that the server repeats."""
    for name in _KEY_HEADERS:
        value = asked_with.get(name, "")
        # A key may hold spaces; behind the name of a scheme it may be repeated without that.
        for secret in (value, value.rpartition(" ")[2] if name == "authorization" else ""):
            if secret:
                words = words.replace(secret, "…")
    line = " ".join(words.split())
    return safe_text(line if len(line) <= WORDS_MAX else line[: WORDS_MAX - 1] + "…")


def _location(response: httpx.Response) -> httpx.URL | None:
    """Where a redirect points to, if that is an address."""
    if not response.has_redirect_location:
        return None
    try:
        return response.url.join(response.headers["location"])
    except httpx.InvalidURL:
        return None
