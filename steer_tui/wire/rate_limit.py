"""What a server says about how often it may be asked: in headers of several drafts, or in the body of a refusal."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

_DECIMAL = re.compile(r"\d{1,15}(?:\.\d{1,9})?", re.ASCII)
_WINDOW = re.compile(r"(\d{1,9})\s*(ms|s|m|h|d)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_HEADER_MAX = 1000  # quotes that nothing closes would make a longer one slow to read
_ITEM = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*")+')
_PARAMETER = re.compile(r'(?:[^";]|"(?:[^"\\]|\\.)*")+')


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How often a server may be asked, as far as it said; None stands for what it did not say."""

    limit: int | None = None
    """Requests in a window."""
    remaining: int | None = None
    """Requests that are left."""
    retry_after: float | None = None
    """Seconds after which the server wants to be asked again."""
    resets_after: float | None = None
    """Seconds until the window ends, and the requests come back."""
    window: float | None = None
    """Its length in seconds."""
    name: str | None = None
    """What the server calls this limit."""

    @property
    def wait(self) -> float | None:
        """Seconds that a refused request has to wait, or None where nothing tells."""
        if self.retry_after is not None:
            return self.retry_after
        return None if self.remaining else self.resets_after


def read_rate_limit(headers: Mapping[str, str], body: object, now: float) -> RateLimit | None:
    """What the headers (whatever their case) and a parsed JSON body say of a limit, or None where they say nothing.

    `now` is the time since the epoch, for a `Retry-After` that is a date in an answer that bears no date of its own.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    told = body if isinstance(body, dict) else {}
    draft = _structured(lower) or _separate(lower)
    retry_after = _retry_after(lower, now)
    reading = RateLimit(
        limit=_first(draft.limit, _whole(told.get("limitPerWindow"))),
        remaining=_first(
            draft.remaining, _whole(lower.get("x-limit-remaining")), _whole(told.get("remainingRequests"))
        ),
        retry_after=retry_after if retry_after is not None else _number(told.get("retryAfter")),
        resets_after=draft.resets_after,
        window=draft.window if draft.window is not None else _window(told.get("requestWindow")),
        name=draft.name if draft.name is not None else _text(told.get("endpoint")),
    )
    return None if reading == RateLimit() else reading


def _retry_after(headers: Mapping[str, str], now: float) -> float | None:
    said = headers.get("retry-after", "")
    seconds = _number(said)
    if seconds is not None:
        return seconds
    until = _date(said)
    # A date is on the server's clock, which may differ from ours.
    sent = _date(headers.get("date", ""))
    return None if until is None else max(0.0, until - (now if sent is None else sent))


def _separate(headers: Mapping[str, str]) -> RateLimit:
    """`RateLimit-Limit`, `-Remaining` and `-Reset` of the drafts up to 6, with or without `RateLimit-Policy`."""
    policy, _ = _item(headers.get("ratelimit-limit", ""))
    return RateLimit(
        limit=_whole(policy),
        remaining=_whole(headers.get("ratelimit-remaining")),
        resets_after=_number(headers.get("ratelimit-reset")),
        window=_policies(headers).get(policy, (None, None))[1],
    )


def _structured(headers: Mapping[str, str]) -> RateLimit | None:
    """`RateLimit: "name";r=5;t=30` of the newer drafts, or `limit=10, remaining=5, reset=30` of draft 7."""
    items = [_item(item) for item in _items(headers.get("ratelimit", ""))]
    policies = _policies(headers)
    readings = []
    for name, parameters in items:
        if "r" in parameters:
            limit, window = policies.get(name, (None, None))
            left, reset = _whole(parameters["r"]), _number(parameters.get("t"))
            readings.append(RateLimit(limit, left, resets_after=reset, window=window, name=name.strip('"')))
    if readings:  # of several limits, the one that is met first
        return min(readings, key=lambda one: (_first(one.remaining, 10**15), -(one.resets_after or 0.0)))
    pairs = {key.strip(): value.strip() for key, _, value in (name.partition("=") for name, _ in items)}
    if not {"limit", "remaining", "reset"} & pairs.keys():
        return None
    policy = pairs.get("limit", "")
    return RateLimit(
        limit=_whole(policy),
        remaining=_whole(pairs.get("remaining")),
        resets_after=_number(pairs.get("reset")),
        window=policies.get(policy, (None, None))[1],
    )


def _policies(headers: Mapping[str, str]) -> dict[str, tuple[int | None, float | None]]:
    """Limit and window by the name of the policy, which is the limit itself in the older drafts."""
    items = [_item(item) for item in _items(headers.get("ratelimit-policy", ""))]
    return {
        name: (_whole(parameters.get("q", name)), _number(parameters.get("w"))) for name, parameters in items if name
    }


def _items(text: str) -> list[str]:
    found: list[str] = _ITEM.findall(text[:_HEADER_MAX])
    return found


def _item(text: str) -> tuple[str, dict[str, str]]:
    """A value and its parameters; where the header lists several, the first."""
    value, *rest = _PARAMETER.findall(next(iter(_items(text)), "")) or [""]
    parameters = (part.partition("=") for part in rest)
    return value.strip(), {key.strip(): told.strip() for key, _, told in parameters}


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


def _number(value: object) -> float | None:
    """A time or a count that is not below 0, as a number or as its decimal digits."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if 0 <= value < 10**15 else None
    if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
        return float(value)
    return None


def _whole(value: object) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _window(value: object) -> float | None:
    """A length of time such as "60 m"."""
    match = _WINDOW.fullmatch(value.strip()) if isinstance(value, str) else None
    return int(match[1]) * _SECONDS[match[2]] if match else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _date(value: str) -> float | None:
    try:
        date = parsedate_to_datetime(value)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
