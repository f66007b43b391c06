"""Puts the rooms of the server together as one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp

from steer_tui.engines import Engine
from steer_tui.server.clients import Clients
from steer_tui.server.endpoints import Endpoints
from steer_tui.server.faults import FaultLog
from steer_tui.server.guarding import Guard
from steer_tui.server.keeping import Runs
from steer_tui.server.limiting import Limiter, RateLimitHeaders
from steer_tui.server.offer import Offer
from steer_tui.server.refusing import HANDLERS
from steer_tui.server.settings import ServeSettings
from steer_tui.server.slots import Slots
from steer_tui.server.squeezing import Gzip

_MARGIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Gateway:
    """The application, and the runs that have to be told when it ends."""

    app: ASGIApp
    runs: Runs


def gateway(engine: Engine, settings: ServeSettings) -> Gateway:
    """The application in front of an engine, which somebody else closes."""
    offer = Offer(engine)
    # An EventSource comes back with the token it has, as long as its run may be there.
    pass_seconds = settings.generation_seconds + settings.keep_seconds + _MARGIN_SECONDS
    clients = Clients(settings.tokens, settings.proxies, pass_seconds)
    limiter = Limiter(settings.rate_limit, settings.storage)
    runs = Runs(
        engine,
        Slots(settings.generations, settings.queue),
        keep_seconds=settings.keep_seconds,
        generation_seconds=settings.generation_seconds,
        public_id=offer.public_id,
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
        app = _with_origins(app, settings.origins)
    return Gateway(RateLimitHeaders(app, limiter, clients), runs)


def _with_origins(app: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=("GET", "POST", "DELETE"),
        allow_headers=("Authorization", "Content-Type", "Last-Event-ID"),
        expose_headers=(
            "Steer-Run",
            "Queue-Length",
            "Retry-After",
            "RateLimit-Limit",
            "RateLimit-Remaining",
            "RateLimit-Reset",
            "RateLimit-Policy",
        ),
    )
