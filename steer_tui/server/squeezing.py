"""Gzip for clients that ask for it, flushed with every write: no token waits for the next one.

Starlette's own middleware leaves streams of events alone, for it would hold them back.
"""

import re
import zlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

WORTH_BYTES = 1000
"""An answer that is whole and smaller is left as it is."""

# A window of 4 kB: a stream costs some 30 kB of memory, and not 260.
_WINDOW, _MEMORY, _LEVEL = 12, 5, 5

_QUALITY = re.compile(r";\s*q\s*=\s*([0-9.]+)\s*(?:;|$)")


class Gzip:
    """Compresses what is worth it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the answer pass, smaller where that is wanted."""
        if scope["type"] == "http" and scope["method"] != "HEAD" and _is_wanted(Headers(scope=scope)):
            send = _Squeezed(send).send
        await self._app(scope, receive, send)


def _is_wanted(headers: Headers) -> bool:
    wanted = ",".join(headers.getlist("accept-encoding")).lower().split(",")
    return any(each.partition(";")[0].strip() == "gzip" and _quality(each) > 0 for each in wanted)


def _quality(wanted: str) -> float:
    told = _QUALITY.search(wanted)
    try:
        return float(told[1]) if told else 1.0
    except ValueError:
        return 0.0


class _Squeezed:
    """One answer on its way."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._squeeze: zlib._Compress | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if Headers(raw=message["headers"]).get("content-type", "").startswith("text/event-stream"):
                await self._begin(message, is_worth_it=True)  # the first event may be long in coming
            else:
                self._start = message
            return
        body, goes_on = message.get("body", b""), message.get("more_body", False)
        if self._start is not None:
            start, self._start = self._start, None
            await self._begin(start, is_worth_it=goes_on or len(body) >= WORTH_BYTES)
        if self._squeeze is not None:
            body = self._squeeze.compress(body)
            body += self._squeeze.flush(zlib.Z_SYNC_FLUSH if goes_on else zlib.Z_FINISH)
        await self._send({"type": "http.response.body", "body": body, "more_body": goes_on})

    async def _begin(self, start: Message, *, is_worth_it: bool) -> None:
        headers = MutableHeaders(scope=start)
        if is_worth_it:
            self._squeeze = zlib.compressobj(_LEVEL, zlib.DEFLATED, 16 + _WINDOW, _MEMORY)
            headers["Content-Encoding"] = "gzip"
            del headers["Content-Length"]
        headers.add_vary_header("Accept-Encoding")
        await self._send(start)
