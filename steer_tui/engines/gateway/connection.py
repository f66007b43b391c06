"""The way to one gateway: a client that is made when it is first needed, and what the gateway says of itself."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from pydantic import SecretStr

from steer_tui.domain import SteerError
from steer_tui.engines.door import Quota
from steer_tui.engines.gateway.allowance import Allowance
from steer_tui.engines.gateway.answers import InfoAnswer, read_answer
from steer_tui.engines.gateway.explaining import explain_refusal
from steer_tui.wire import EVENT_STREAM, JSON, JsonObject, LastingClient, Refusal, ask, read_json, read_rate_limit

if TYPE_CHECKING:
    from collections.abc import Collection
    from contextlib import AbstractAsyncContextManager

    import httpx

ANSWER_BYTES_MAX = 16 * 1024 * 1024

_GENERATE = "/api/generate"


class Connection:
    """One gateway, asked for JSON and for streams; every failure leaves as a `SteerError`."""

    def __init__(self, url: str, token: SecretStr | None) -> None:
        secret = {} if token is None else {"Authorization": f"Bearer {token.get_secret_value()}"}
        self._client = LastingClient(url.strip().rstrip("/").removesuffix("/api"), secret, "gateway")
        self._token = token
        self._learning = asyncio.Lock()
        self._is_current = False
        self._allowance = Allowance()
        self.info: InfoAnswer | None = None
        """As the gateway told it last, or None before it was asked."""

    @property
    def has_token(self) -> bool:
        """Whether a token is sent."""
        return self._token is not None

    @property
    def quota(self) -> Quota | None:
        """What is left: of the generations that the gateway takes, or of the calls behind it where those are fewer."""
        behind = self.info.quota if self.info is not None else None
        told = [] if behind is None else [Quota(behind.remaining, behind.limit)]
        own = self._allowance.quota
        return min(told if own is None else [own, *told], key=lambda quota: quota.remaining, default=None)

    async def learn(self) -> InfoAnswer:
        """What the gateway says of itself, asked once until `forget`."""
        async with self._learning:
            if self.info is None or not self._is_current:
                async with self._ask("GET", "/api/info") as response:
                    self.info = read_answer(InfoAnswer, await read_json(response, ANSWER_BYTES_MAX))
                self._is_current = True
            return self.info

    def forget(self) -> None:
        """The gateway may come back with another engine: it is asked anew before the next generation."""
        self._is_current = False

    async def features(self, query: Mapping[str, str | int]) -> Any:
        """The features that fit a query."""
        async with self._ask("GET", f"/api/features?{urlencode(query, errors='replace')}") as response:
            return await read_json(response, ANSWER_BYTES_MAX)

    def generation(self, body: JsonObject) -> "AbstractAsyncContextManager[httpx.Response]":
        """The stream of a new run, its events still to be read; leaving closes it, and the run itself goes on."""
        return self._ask("POST", _GENERATE, body=body, expects=(EVENT_STREAM,))

    def rest_of_generation(self, place: str) -> "AbstractAsyncContextManager[httpx.Response]":
        """The stream behind the event of that id; raises `Gone` where the gateway does not have it any more."""
        return self._ask("GET", _GENERATE, headers={"Last-Event-ID": place}, expects=(EVENT_STREAM,))

    async def turn(self, run: str, vector: JsonObject) -> Any:
        """Where in a run the vector acts from."""
        path = f"{_GENERATE}/{quote(run, safe='')}/dials"
        async with self._ask("POST", path, body={"steeringVector": vector}) as response:
            return await read_json(response, ANSWER_BYTES_MAX)

    async def end(self, run: str) -> None:
        """Have a run cancelled at once."""
        async with self._ask("DELETE", f"{_GENERATE}/{quote(run, safe='')}", expects=()):
            pass

    async def client(self) -> "httpx.AsyncClient":
        """The client, made when it is first asked for."""
        return await self._client.get()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    @asynccontextmanager
    async def _ask(
        self,
        method: str,
        path: str,
        *,
        body: JsonObject | None = None,
        headers: Mapping[str, str] | None = None,
        expects: "Collection[str]" = (JSON,),
    ) -> "AsyncGenerator[httpx.Response, None]":
        client = await self.client()
        asked = ask(client, method, path, body=body, headers=headers, expects=expects, explain=self._explain)
        async with asked as response:
            self._allowance.note(read_rate_limit(response.headers, None, time.time()))
            yield response

    def _explain(self, refusal: Refusal) -> SteerError:
        self._allowance.note(refusal.limit)
        return explain_refusal(refusal, has_token=self.has_token)
