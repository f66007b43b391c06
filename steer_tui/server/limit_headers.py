"""Tells every client with every answer how much is left to it, as draft 6 of the RateLimit headers has it."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from steer_tui.server.clients import Clients
from steer_tui.server.limiting import Limiter

_UNTOLD = "/health"
"""What is answered also while a shared storage is not."""


class RateLimitHeaders:
    """Adds what is left, where the storage tells it."""

    def __init__(self, app: ASGIApp, limiter: Limiter, clients: Clients) -> None:
        self._app, self._limiter, self._clients = app, limiter, clients

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the answer pass with the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limiter = self._limiter

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["RateLimit-Limit"] = str(limiter.limit)
                headers["RateLimit-Policy"] = limiter.policy
                is_asked = scope["path"] != _UNTOLD or not limiter.is_shared
                if is_asked and (standing := await limiter.standing(self._clients.client_of(scope).name)):
                    headers["RateLimit-Remaining"] = str(standing.remaining)
                    headers["RateLimit-Reset"] = str(standing.reset)
            await send(message)

        await self._app(scope, receive, tell)
