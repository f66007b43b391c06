"""A client that is made when it is first needed, and closed for good."""

import asyncio
from collections.abc import Mapping

import httpx

from steer_tui.domain import Rejected
from steer_tui.wire.client import connect


class LastingClient:
    """One server's client for as long as its engine lives."""

    def __init__(self, url: str, headers: Mapping[str, str], what: str) -> None:
        """`what` is the other side in words, such as `server`, for whoever asks after the end."""
        self._url = url
        self._headers = headers
        self._what = what
        self._client: httpx.AsyncClient | None = None
        self._connecting = asyncio.Lock()
        self._is_closed = False

    async def get(self) -> httpx.AsyncClient:
        """The client; raises Rejected once it was closed."""
        async with self._connecting:
            if self._is_closed:
                raise Rejected(f"The connection to the {self._what} has been closed.", hint="Start the app again.")
            if self._client is None:
                self._client = await connect(self._url, self._headers)
            return self._client

    async def aclose(self) -> None:
        """Close every connection."""
        async with self._connecting:
            self._is_closed = True
            client, self._client = self._client, None
        if client is not None:
            await client.aclose()
