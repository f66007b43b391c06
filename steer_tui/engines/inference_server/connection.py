"""The way to one server: a client that is made when it is first needed, and what the server says of itself."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from steer_tui.domain import Unsupported
from steer_tui.engines.inference_server.answers import Capabilities
from steer_tui.engines.inference_server.explaining import explain_refusal
from steer_tui.engines.inference_server.slot import Slot
from steer_tui.wire import EVENT_STREAM, Explain, JsonObject, LastingClient, ask, ask_json, read_answer

if TYPE_CHECKING:
    import httpx

ANSWER_BYTES_MAX = 16 * 1024 * 1024


class Connection:
    """One server, asked for JSON; every failure leaves as a `SteerError`."""

    def __init__(self, url: str, key: SecretStr | None, patience: float) -> None:
        secret = {} if key is None else {"X-SECRET-KEY": key.get_secret_value()}
        self._client = LastingClient(url.strip().rstrip("/").removesuffix("/v1"), secret, "server")
        self._key = key
        self._learning = asyncio.Lock()
        self._slot = Slot(lambda: self.get("/health"), patience)
        self._is_current = False
        self.capabilities = Capabilities()
        """As the server told them last; empty before it was asked."""

    @property
    def has_key(self) -> bool:
        """Whether a key is sent."""
        return self._key is not None

    async def learn(self) -> Capabilities:
        """What the server says of itself, asked once until `forget`; older servers say nothing."""
        async with self._learning:
            if not self._is_current:
                try:
                    told = await self.get("/v1/capabilities")
                except Unsupported:
                    told = {}
                self.capabilities = read_answer(Capabilities, told)
                self._is_current = True
        return self.capabilities

    def forget(self) -> None:
        """The server may have come back as another one: ask it anew before the next request."""
        self._is_current = False

    async def get(self, path: str) -> Any:
        """The JSON value at a path."""
        client = await self.client()
        return await ask_json(client, "GET", path, explain=self._explains(path), body_bytes=ANSWER_BYTES_MAX)

    async def post(self, path: str, body: Mapping[str, object]) -> Any:
        """The JSON value that answers a body."""
        client = await self.client()
        async with self._slot.waited_for():
            explain = self._explains(path)
            return await ask_json(client, "POST", path, body=body, explain=explain, body_bytes=ANSWER_BYTES_MAX)

    @asynccontextmanager
    async def stream(self, path: str, body: JsonObject) -> "AsyncGenerator[httpx.Response, None]":
        """The answer to a body, its events still to be read; leaving closes it."""
        client = await self.client()
        asked = ask(client, "POST", path, body=body, expects=(EVENT_STREAM,), explain=self._explains(path))
        async with AsyncExitStack() as stack:
            async with self._slot.waited_for():
                response = await stack.enter_async_context(asked)
            self._slot.note_free()
            yield response

    def give_up(self) -> None:
        """A stream was left before its end, which the eager backend has to be helped over."""
        if self.capabilities.can_lock_its_slot:
            self._slot.give_up()

    async def client(self) -> "httpx.AsyncClient":
        """The client, made when it is first asked for."""
        return await self._client.get()

    async def aclose(self) -> None:
        """Wait for the looks that follow a stream that was given up, then close every connection."""
        try:
            await self._slot.aclose()
        finally:
            await self._client.aclose()

    def _explains(self, path: str) -> Explain:
        return lambda refusal: explain_refusal(refusal, path, has_key=self.has_key, sets=self.capabilities.sae_sets)
