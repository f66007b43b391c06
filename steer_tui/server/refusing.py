"""Every answer that is a refusal, in one JSON shape: {"error", "code", "hint"?, "retryAfter"?}."""

import math
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from steer_tui.domain import NotFound, Overloaded, RateLimited, Rejected, SteerError, TimedOut, Unsupported
from steer_tui.domain.discretion import discreet
from steer_tui.server.answers import RefusalTold

_CODES = {400: "malformed", 403: "forbidden", 404: "not_found", 405: "method_not_allowed"}


class Denial(Exception):
    """A request that is answered with a sentence and nothing else."""

    def __init__(
        self, status: int, code: str, message: str, *, hint: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.hint = status, code, message, hint
        self.retry_after = None if retry_after is None else max(1, math.ceil(retry_after))
        """Whole seconds, as the header has them."""

    def answer(self) -> Response:
        """The refusal as an answer."""
        told = RefusalTold(error=self.message, code=self.code, hint=self.hint, retry_after=self.retry_after)
        headers: dict[str, str] = {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(told.to_wire(), self.status, headers)


def denial_of(error: SteerError) -> Denial:
    """What an engine's failure becomes where no stream has been promised."""
    match error:
        case Rejected() | NotFound() | Unsupported():
            status = HTTPStatus.UNPROCESSABLE_ENTITY
        case RateLimited() | Overloaded():
            status = HTTPStatus.SERVICE_UNAVAILABLE
        case TimedOut():
            status = HTTPStatus.GATEWAY_TIMEOUT
        case _:
            status = HTTPStatus.BAD_GATEWAY
    return Denial(status, error.code, discreet(error.message), retry_after=error.retry_after)


async def answer_refusal(_: Request, error: Exception) -> Response:
    """The answer to what a handler has refused."""
    assert isinstance(error, Denial)
    return error.answer()


async def answer_status(_: Request, error: Exception) -> Response:
    """The answer where no handler was found, or not for this method."""
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code, "rejected")
    answer = Denial(error.status_code, code, f"{HTTPStatus(error.status_code).phrase}.").answer()
    answer.headers.update(error.headers or {})
    return answer


async def answer_fault(_: Request, __: Exception) -> Response:
    """The answer where our own program broke; what broke goes to the log alone."""
    return Denial(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "The server broke.", hint="Try again.").answer()


async def answer_nobody(_: Request, __: Exception) -> Response:
    """The answer to a client that has gone before its request was whole."""
    return Denial(HTTPStatus.BAD_REQUEST, "malformed", "The request ended before it was whole.").answer()


HANDLERS: dict[Any, Any] = {
    Denial: answer_refusal,
    HTTPException: answer_status,
    ClientDisconnect: answer_nobody,
    Exception: answer_fault,
}
"""For Starlette, by what was raised."""
