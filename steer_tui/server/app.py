"""Puts the rooms of the server together as one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from steer_tui.engines import Engine
from steer_tui.server.clients import Clients
from steer_tui.server.endpoints import Endpoints
from steer_tui.server.faults import FaultLog
from steer_tui.server.guarding import Guard
from steer_tui.server.keeping import Runs
from steer_tui.server.limit_headers import RateLimitHeaders
from steer_tui.server.limiting import Limiter
from steer_tui.server.offer import Offer
from steer_tui.server.origins import Origins
from steer_tui.server.refusing import HANDLERS
from steer_tui.server.settings import ServeSettings
from steer_tui.server.slots import Slots
from steer_tui.server.squeezing import Gzip

_MARGIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Application:
    """The application, and the runs that have to be told when it ends."""

    app: ASGIApp
    runs: Runs


def application(engine: Engine, settings: ServeSettings) -> Application:
    """The application in front of an engine, which somebody else closes."""
    offer = Offer(engine)
    # An EventSource comes back with the token it has, as long as its run may be there.
    turns = 1 + -(-settings.queue // settings.generations)
    pass_seconds = turns * settings.generation_seconds + settings.keep_seconds + _MARGIN_SECONDS
    clients = Clients(settings.tokens, settings.proxies, pass_seconds)
    limiter = Limiter(settings.rate_limit, settings.storage)
    runs = Runs(
        engine,
        Slots(settings.generations, settings.queue),
        keep_seconds=settings.keep_seconds,
        generation_seconds=settings.generation_seconds,
        public=offer.event,
    )
    endpoints = Endpoints(engine, settings, offer, runs, limiter, clients)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with runs:
            yield

    routes = [
        Route("/api/generate", endpoints.generate, methods=["GET", "POST"]),
        Route("/api/generate/{run}", endpoints.goodbye, methods=["DELETE"]),
        Route("/api/generate/{run}/dials", endpoints.turn, methods=["POST"]),
        Route("/api/features", endpoints.features, methods=["GET"]),
        Route("/api/info", endpoints.info, methods=["GET"]),
        Route("/api/token", endpoints.token, methods=["POST"]),
        Route("/health", endpoints.health, methods=["GET"]),
        Route("/openapi.json", endpoints.openapi, methods=["GET"]),
    ]
    starlette = Starlette(routes=routes, exception_handlers=HANDLERS, lifespan=lifespan)
    starlette.router.redirect_slashes = False
    app: ASGIApp = Guard(Gzip(FaultLog(starlette)), clients, settings.origins)
    if settings.origins:
        app = Origins(app, settings.origins)
    return Application(RateLimitHeaders(app, limiter, clients), runs)
