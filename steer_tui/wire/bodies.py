"""Bodies that are read whole, within a bound."""

import httpx

from steer_tui.domain import Malformed

BODY_BYTES_MAX = 64 * 1024 * 1024
"""The largest body that is taken where the caller names no bound."""


def media_type(response: httpx.Response) -> str:
    """The answer's content type in lower case, without parameters; empty where it names none."""
    told: str = response.headers.get("content-type", "")
    return told.partition(";")[0].strip().lower()


async def read_body(response: httpx.Response, body_bytes: int = BODY_BYTES_MAX) -> bytes:
    """The whole body, or `Malformed` where it is larger than the bound."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        if len(body) + len(chunk) > body_bytes:
            raise Malformed(f"The server sent more than {body_bytes:,} bytes at once.")
        body += chunk
    return bytes(body)


async def read_beginning(response: httpx.Response, body_bytes: int) -> bytes:
    """The body up to a number of bytes."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) >= body_bytes:
            break
    return bytes(body[:body_bytes])
