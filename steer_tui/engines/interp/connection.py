"""The way to one server: a client that is made once it is ready, and what the server says of itself."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from steer_tui.domain import Rejected, SteerError, TimedOut, Truncated, Unreachable
from steer_tui.engines.interp.answers import Described
from steer_tui.engines.interp.explaining import NotReady, explain_refusal
from steer_tui.engines.interp.serving.server import Server, ServerAddress
from steer_tui.wire import NDJSON, JsonObject, Refusal, ask, connect, parse_json, read_answer, read_body
from steer_tui.wire.origin import origin_of, read_address

if TYPE_CHECKING:
    import httpx

_LOST = (Unreachable, Truncated, TimedOut, NotReady)
"""After these the server may have been started anew, with another model or elsewhere."""


class Connection:
    """One server, asked for JSON; every failure leaves as a `SteerError`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._address: ServerAddress | None = None
        self._client: httpx.AsyncClient | None = None
        self._past: list[httpx.AsyncClient] = []
        self._connecting = asyncio.Lock()
        self._learning = asyncio.Lock()
        self._is_current = False
        self._is_closed = False
        self.described: Described | None = None
        """As the server told it last; None before it was asked."""

    @property
    def origin(self) -> str | None:
        """Where the server is, or None while it is not known."""
        if self._client is not None:
            return origin_of(self._client.base_url)
        try:
            return None if self._server.url is None else origin_of(read_address(self._server.url))
        except Rejected:
            return None  # what is wrong with it, whoever connects is told

    @property
    def has_token(self) -> bool | None:
        """Whether a token is sent, or None while it is not known."""
        return None if self._address is None else self._address.token is not None

    async def learn(self) -> Described:
        """What the server says of itself, asked once until `forget`; waits until it has loaded its model."""
        described = self.described
        if described is not None and self._is_current:
            return described
        await self._ready()  # before the lock, so that each who waits for the server counts as waiting
        async with self._learning:
            if self.described is None or not self._is_current:
                self.described = read_answer(Described, await self.get("/v1/describe"))
                self._is_current = True
            return self.described

    def forget(self) -> None:
        """The server may have come back as another one: ask it anew before the next request."""
        self._is_current = False

    async def get(self, path: str) -> Any:
        """The JSON value at a path."""
        return await self._ask("GET", path)

    async def post(self, path: str, body: Mapping[str, object]) -> Any:
        """The JSON value that answers a body."""
        return await self._ask("POST", path, body)

    @asynccontextmanager
    async def stream(self, path: str, body: JsonObject) -> "AsyncGenerator[httpx.Response, None]":
        """The answer to a body, its lines still to be read; leaving closes it, and with it the work at the server."""
        client = await self._ready()
        with self._watching():
            async with ask(client, "POST", path, body=body, expects=(NDJSON,), explain=self._explain) as response:
                yield response

    async def aclose(self) -> None:
        """Close every connection."""
        async with self._connecting:
            self._is_closed = True
            clients = [*self._past, *([] if self._client is None else [self._client])]
            self._past, self._client = [], None
        for client in clients:
            await client.aclose()

    async def _ask(self, method: str, path: str, body: object = None) -> Any:
        client = await self._ready()
        with self._watching():
            async with ask(client, method, path, body=body, explain=self._explain) as response:
                told = await read_body(response)
            return await asyncio.to_thread(parse_json, told)  # a residual stream takes a moment

    async def _ready(self) -> "httpx.AsyncClient":
        """The client of the server as it is now."""
        if self._client is not None and self._is_current:
            return self._client
        address = await self._server.address()
        async with self._connecting:
            if self._is_closed:
                raise Rejected("The connection to the server has been closed.", hint="Start the app again.")
            if self._client is None or address != self._address:
                if self._client is not None:
                    self._past.append(self._client)  # a stream may still be read from it
                self._client, self._address = await connect(address.url, _headers(address)), address
            return self._client

    @contextmanager
    def _watching(self) -> Iterator[None]:
        try:
            yield
        except SteerError as error:
            if isinstance(error, _LOST):
                self.forget()
            raise

    def _explain(self, refusal: Refusal) -> SteerError:
        return explain_refusal(refusal, has_token=self.has_token is True)


def _headers(address: ServerAddress) -> Mapping[str, str]:
    # After an answer 500 the server drops the connection, so that the next request on it would be lost.
    headers = {"Connection": "close"}
    if address.token is not None:
        headers["Authorization"] = f"Bearer {address.token.get_secret_value()}"
    return headers
