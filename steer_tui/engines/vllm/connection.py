"""The way to one server: a client that is made when it is first needed, and the model that is asked for there."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from steer_tui.domain import NotFound, SteerError, safe_line
from steer_tui.engines.vllm.answers import ModelList, ServedModel
from steer_tui.engines.vllm.explaining import explain_refusal
from steer_tui.wire import EVENT_STREAM, JsonObject, LastingClient, Refusal, ask, parse_json, read_answer, read_body

if TYPE_CHECKING:
    import httpx

ANSWER_BYTES_MAX = 512 * 1024 * 1024
"""The largest answer that is taken: captured activations of a long text fill many megabytes."""

_NAMED_MAX = 8


class Connection:
    """One server, asked for JSON; every failure leaves as a `SteerError`."""

    def __init__(self, url: str, key: SecretStr | None) -> None:
        secret = {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}
        self._client = LastingClient(url.strip().rstrip("/").removesuffix("/v1"), secret, "server")
        self._key = key

    @property
    def has_key(self) -> bool:
        """Whether a key is sent."""
        return self._key is not None

    async def model(self, asked: str | None) -> ServedModel:
        """The model of that name, or the server's first; raises NotFound where it has no such model."""
        models = read_answer(ModelList, await self.get("/v1/models")).data
        found = next((model for model in models if asked in (None, model.id)), None)
        if found is not None:
            return found
        if not models:
            raise NotFound("The server has no model.", hint="Look into the server's log.")
        named = ", ".join(safe_line(model.id) for model in models[:_NAMED_MAX])
        more = f" and {len(models) - _NAMED_MAX} more" if len(models) > _NAMED_MAX else ""
        raise NotFound(
            f"The server has no model {safe_line(asked or '')}, but {named}{more}.",
            hint="Set one of those names, or leave the model out.",
        )

    async def get(self, path: str) -> Any:
        """The JSON value at a path."""
        return await self._ask("GET", path)

    async def post(self, path: str, body: Mapping[str, object]) -> Any:
        """The JSON value that answers a body."""
        return await self._ask("POST", path, body)

    async def _ask(self, method: str, path: str, body: object = None) -> Any:
        client = await self.client()
        async with ask(client, method, path, body=body, explain=self.explain) as response:
            told = await read_body(response, ANSWER_BYTES_MAX)
        return await asyncio.to_thread(parse_json, told)  # captured activations take a moment

    @asynccontextmanager
    async def stream(self, path: str, body: JsonObject) -> "AsyncGenerator[httpx.Response, None]":
        """The answer to a body, its events still to be read; leaving closes it, and the server stops generating."""
        client = await self.client()
        async with ask(client, "POST", path, body=body, expects=(EVENT_STREAM,), explain=self.explain) as response:
            yield response

    async def client(self) -> "httpx.AsyncClient":
        """The client, made when it is first asked for."""
        return await self._client.get()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    def explain(self, refusal: Refusal) -> SteerError:
        """The error that a refusal of this server is."""
        return explain_refusal(refusal, has_key=self.has_key)
