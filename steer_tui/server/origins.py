"""Pages of named origins: they may ask, and read what they are answered."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from steer_tui.server.refusing import Denial


class Origins(CORSMiddleware):
    """Lets their browsers ask and read; others are refused in the shape of every refusal."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        super().__init__(
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

    def preflight_response(self, request_headers: Headers) -> Response:
        """What a browser is told before its page may ask."""
        answer = super().preflight_response(request_headers)
        if answer.status_code < HTTPStatus.BAD_REQUEST:
            return answer
        return Denial(HTTPStatus.FORBIDDEN, "forbidden", "A page of this origin may not ask this, or not so.").answer()
