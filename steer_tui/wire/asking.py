"""Asking a server: every failure leaves as a `SteerError`, and an answer is what was expected or none."""

from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from steer_tui.domain import Malformed
from steer_tui.wire.bodies import BODY_BYTES_MAX, media_type, read_body
from steer_tui.wire.failures import answering_failure, asking_failure, translating
from steer_tui.wire.json_values import JsonObject, dump_json, parse_json
from steer_tui.wire.ndjson import LINE_BYTES_MAX, NdjsonParser
from steer_tui.wire.origin import origin_of
from steer_tui.wire.refusals import Explain, read_refusal, refusal_error
from steer_tui.wire.sse import EVENT_BYTES_MAX, ServerSentEvent, SseParser

JSON = "application/json"
EVENT_STREAM = "text/event-stream"
NDJSON = "application/x-ndjson"


@asynccontextmanager
async def ask(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    *,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    expects: Collection[str] = (JSON,),
    explain: Explain = refusal_error,
) -> AsyncGenerator[httpx.Response, None]:
    """The answer to one request, its body still to be read; leaving closes it, and with it the work at the server.

    A body is sent as JSON. An answer that is no success, or of a content type that is not among the expected ones,
    raises; so does what breaks while the answer is read inside. Where nothing is expected, any success will do.
    """
    origin = origin_of(client.base_url)
    sent = {"Accept": ", ".join(expects) or "*/*", **(headers or {})}
    content = None
    if body is not None:
        content = dump_json(body)
        sent["Content-Type"] = JSON
    with translating(asking_failure, origin):
        request = client.build_request(method, path, content=content, headers=sent)
        response = await client.send(request, stream=True)
    with translating(answering_failure, origin):
        try:
            if not response.is_success:
                raise explain(await read_refusal(response))
            _check_media_type(response, origin, expects)
            yield response
        finally:
            await response.aclose()


async def ask_json(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    *,
    body: object = None,
    explain: Explain = refusal_error,
    body_bytes: int = BODY_BYTES_MAX,
) -> Any:
    """Ask for one JSON value and read it whole."""
    async with ask(client, method, path, body=body, explain=explain) as response:
        return await read_json(response, body_bytes)


async def read_json(response: httpx.Response, body_bytes: int = BODY_BYTES_MAX) -> Any:
    """The JSON value that the answer's body is, or `Malformed`."""
    return parse_json(await read_body(response, body_bytes))


async def read_events(
    response: httpx.Response, event_bytes: int = EVENT_BYTES_MAX
) -> AsyncGenerator[ServerSentEvent, None]:
    """The events of an answer, as they come; `Truncated` where the last one is cut.

    A body that ends with its connection ends like any other: whether it was whole, the protocol's own end decides.
    """
    parser = SseParser(event_bytes)
    async for chunk in response.aiter_bytes():
        for event in parser.feed(chunk):
            yield event
    parser.finish()


async def read_lines(response: httpx.Response, line_bytes: int = LINE_BYTES_MAX) -> AsyncGenerator[JsonObject, None]:
    """The JSON objects of an answer, one a line, as they come; `Truncated` where the last line is cut."""
    parser = NdjsonParser(line_bytes)
    async for chunk in response.aiter_bytes():
        for line in parser.feed(chunk):
            yield line
    for line in parser.finish():
        yield line


def _check_media_type(response: httpx.Response, origin: str, expects: Collection[str]) -> None:
    found = media_type(response)
    if found in expects or not expects:
        return
    kind = "a web page" if found == "text/html" else "something else"
    raise Malformed(
        f"{origin} answered with {kind} where {' or '.join(expects)} was expected.",
        hint="Check that the address is that of the server itself, and that both sides are of a matching version.",
    )
