"""The one connection to the service, and what every answer tells beside its text: the quota, and the latest link."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from pydantic import SecretStr

from steer_tui.domain import SteerError, Truncated, Unreachable
from steer_tui.engines.door import Quota
from steer_tui.engines.kept import KeptAnswers
from steer_tui.engines.neuronpedia.answers import Answer
from steer_tui.engines.neuronpedia.refusals import explain, explain_steering
from steer_tui.wire import (
    EVENT_STREAM,
    JSON,
    Explain,
    RateLimit,
    Refusal,
    ask,
    ask_json,
    connect,
    presentable,
    read_json,
    read_rate_limit,
)
from steer_tui.wire.origin import origin_of, read_address

PUBLISHED_LIMIT = 240
"""Steering requests an hour and address, as the service publishes it; what it answers corrects the count."""

LIMIT_SECONDS = 3600.0
"""How long a request counts against the limit, so that an older count tells nothing."""


class Service:
    """Asks one Neuronpedia; it connects with the first question."""

    def __init__(self, url: str, key: SecretStr | None, kept: KeptAnswers) -> None:
        self.url = url
        self._kept = kept
        self._key = key.get_secret_value().strip() if key else ""
        self._headers = {"x-api-key": self._key} if self._key else {}
        self._client: httpx.AsyncClient | None = None
        self._connecting = asyncio.Lock()
        self._closed = False
        self.quota: Quota | None = Quota(PUBLISHED_LIMIT, PUBLISHED_LIMIT)
        """Steering requests that are left, or None where the service says that it does not count them."""
        self.has_counted = False
        """Whether the service itself has told the quota."""
        self.latest_link: str | None = None
        """Where the latest text can be read by anybody."""

    @property
    def address(self) -> str | None:
        """Where the service is, without anything that may be secret, or None where that is no address."""
        try:
            return origin_of(read_address(self.url))
        except SteerError:
            return None

    @property
    def has_key(self) -> bool:
        """Whether a key goes along with each question."""
        return bool(self._key)

    @property
    def account(self) -> str:
        """Whose answers they are: a digest of the key, or nothing without one."""
        return hashlib.sha256(self._key.encode()).hexdigest() if self._key else ""

    async def ask(self, method: str, path: str, body: object = None, explain: Explain = explain) -> Any:
        """One JSON answer that costs no steering request."""
        return await ask_json(await self._connected(), method, path, body=body, explain=explain)

    async def ask_charged(self, path: str, body: object) -> Any:
        """One JSON answer that costs a steering request."""
        async with self.steer(path, body, JSON) as response:
            return await read_json(response)

    @asynccontextmanager
    async def steer(
        self, path: str, body: object, *expects: str, explain: Explain = explain_steering
    ) -> AsyncGenerator[httpx.Response, None]:
        """The answer to a steering request, of one of the expected kinds; leaving closes it."""

        def refuse(refusal: Refusal) -> SteerError:
            self._count(refusal.limit)
            return explain(refusal)

        client = await self._connected()
        kinds = expects or (EVENT_STREAM, JSON)
        try:
            async with ask(client, "POST", path, body=body, expects=kinds, explain=refuse) as response:
                self._count(read_rate_limit(response.headers, None, 0.0))
                await self._keep_quota()
                yield response
        except SteerError:  # a refusal costs a request too
            await self._keep_quota()
            raise

    async def quota_left(self) -> int | None:
        """Steering requests that are left, as last told to this process or to an earlier one, or None if to neither."""
        if self.quota is None:
            return None
        if self.has_counted:
            return self.quota.remaining
        kept = await self._kept.find(self._quota_question)
        if kept is None or kept.age_seconds is None or kept.age_seconds >= LIMIT_SECONDS:
            return None
        return kept.value if isinstance(kept.value, int) else None

    def presentable(self, words: str) -> str:
        """The service's words, safe to draw, short, and without the key that it may repeat."""
        return presentable(words, httpx.Headers(self._headers))

    def note(self, answer: Answer, headers: httpx.Headers) -> None:
        """Keep what an answer, or a frame of one, tells beside its texts."""
        if answer.remaining is not None:
            self._count(RateLimit(remaining=answer.remaining))
        elif answer.tells_remaining and "x-limit-remaining" not in headers:
            self.quota = None
        if answer.link is not None:
            self.latest_link = answer.link

    async def aclose(self) -> None:
        """Close the connection for good."""
        self._closed = True
        async with self._connecting:
            if self._client is not None:
                await self._client.aclose()

    @property
    def _quota_question(self) -> list[object]:
        return ["quota", self.url, self.account]

    async def _keep_quota(self) -> None:
        if self.has_counted and self.quota is not None:
            await self._kept.keep(self._quota_question, self.quota.remaining)

    def _count(self, told: RateLimit | None) -> None:
        if told is None or told.remaining is None:
            return
        limit = told.limit if told.limit is not None else (self.quota.limit if self.quota else None)
        self.quota = Quota(told.remaining, limit if limit is not None and limit >= told.remaining else None)
        self.has_counted = True

    async def _connected(self) -> httpx.AsyncClient:
        async with self._connecting:
            if self._closed:
                raise Unreachable("The connection was closed.", hint="Open the engine anew.")
            if self._client is None:
                self._client = await connect(self.url, self._headers)
            return self._client


def never_connected(error: SteerError) -> bool:
    """Whether no connection was made at all, so that asking something else would tell nothing new."""
    return isinstance(error.__cause__, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError)


def may_hide_a_reason(lost: Unreachable | Truncated) -> bool:
    """Whether a stream was dropped, or failed without a word; a status that says `Unreachable` is an answer."""
    return isinstance(lost, Truncated) or (lost.__cause__ is not None and not never_connected(lost))
