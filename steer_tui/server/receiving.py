"""Bodies of requests, within a bound of size and of time."""

import asyncio

from starlette.requests import Request

from steer_tui.server.refusing import Denial

BODY_BYTES_MAX = 64 * 1024
BODY_SECONDS = 10.0
"""What a body may take to come."""


async def receive_body(request: Request) -> bytes:
    """The whole body, with or without a told length; raises `Denial` for one that is too large or too slow."""
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told[:20]) > BODY_BYTES_MAX:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > BODY_BYTES_MAX:
                    raise _too_large()
    except TimeoutError:
        raise Denial(408, "timed_out", f"The body did not come within {BODY_SECONDS:g} seconds.") from None
    return bytes(body)


async def receive_json(request: Request) -> bytes:
    """The body of a request that says it is JSON: what a foreign page can send without being asked is never that."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Denial(415, "rejected", "The body must be of the type application/json.")
    return await receive_body(request)


def _too_large() -> Denial:
    return Denial(413, "rejected", f"A body has at most {BODY_BYTES_MAX:,} bytes.")
