"""The door: who may ask at all, and from which pages."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from steer_tui.server.clients import Clients
from steer_tui.server.refusing import Denial
from steer_tui.server.settings import is_loopback

_OPEN = ("/health",)
"""What is told without a token."""


class Guard:
    """Lets a request in that has a token or needs none, and that no foreign page has made."""

    def __init__(self, app: ASGIApp, clients: Clients, origins: tuple[str, ...]) -> None:
        self._app, self._clients, self._origins = app, clients, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let it pass."""
        if scope["type"] == "http" and (refusal := self._refusal(scope)):
            await refusal.answer()(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Denial | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._clients.need_token and not self._is_ours(host):
            # A page can give its own name the address of this machine, and would then be of one origin with us.
            return Denial(403, "forbidden", "Without a token this server answers to its own machine's names alone.")
        if self._is_foreign(headers, host):
            return Denial(403, "forbidden", "Pages of this origin may not ask this server.")
        if scope["path"] not in _OPEN and not self._clients.client_of(scope).is_admitted:
            message = "This server wants a token, or another one."
            return Denial(401, "unauthorized", message, hint="Send it as `Authorization: Bearer TOKEN`.")
        return None

    def _is_ours(self, host: str) -> bool:
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        # A proxy in front is reached by a name of its own, of which its pages are: a named origin. That it was named
        # itself says nothing of who asks, for a browser on this machine has its address too.
        return not host or is_loopback(name) or host in {origin.partition("://")[2] for origin in self._origins}

    def _is_foreign(self, headers: Headers, host: str) -> bool:
        origin = headers.get("origin")
        if origin is not None:
            return origin not in self._origins and _host_of(origin) != host
        # What a page loads as a picture or a script bears no origin.
        return headers.get("sec-fetch-site") in ("cross-site", "same-site")


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # a bracket that is not closed
        return None
