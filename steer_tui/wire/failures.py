"""What httpx raises, translated: a sentence for a person that names the server by its origin alone.

The texts of httpx's errors are never repeated: they can hold an address with its query, or a header with its key.
"""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from steer_tui.domain import Malformed, Rejected, SteerError, TimedOut, Truncated, Unreachable, safe_line

_ADDRESS_HINT = "Check that the address is right, and whether it is an http:// or an https:// one."


class NoSecureConnection(Unreachable):
    """No connection that can be trusted could be made, and asking again would meet the same."""

    default_hint = _ADDRESS_HINT
    passing = False


@contextmanager
def translating(translate: Callable[[str, Exception], SteerError], origin: str) -> Iterator[None]:
    """Let what httpx raises leave as a `SteerError`; everything else passes, a cancellation above all."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
        raise translate(origin, error) from error


def asking_failure(origin: str, error: Exception) -> SteerError:
    """What went wrong before the answer's headers came."""
    match error:
        case httpx.ConnectTimeout():
            return TimedOut(f"{origin} did not take the connection in time.", hint=Unreachable.default_hint)
        case httpx.TimeoutException():
            return TimedOut(f"{origin} did not answer in time.")
        case httpx.ProxyError():
            return Unreachable(
                f"The proxy did not connect to {origin}.", hint="Check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY."
            )
        case httpx.ConnectError():
            return _connecting_failure(origin, error)
        case httpx.RemoteProtocolError() if "disconnected" in str(error):
            return Unreachable(f"{origin} closed the connection without an answer.")
        case httpx.RemoteProtocolError():
            return Malformed(f"What {origin} answered is not HTTP.", hint=_ADDRESS_HINT)
        case httpx.LocalProtocolError() | httpx.UnsupportedProtocol() | httpx.InvalidURL():
            return Rejected(f"The request to {origin} cannot be written as HTTP.")
        case _:
            return Unreachable(f"The connection to {origin} was lost.")


def answering_failure(origin: str, error: Exception) -> SteerError:
    """What went wrong while the answer's body came."""
    match error:
        case httpx.DecodingError():
            return Malformed(f"{origin} sent a compressed answer that cannot be unpacked.")
        case httpx.TimeoutException():
            return TimedOut(f"{origin} fell silent in the middle of its answer.")
        case _:
            return Truncated(f"The connection to {origin} was lost in the middle of the answer.")


def _connecting_failure(origin: str, error: Exception) -> Unreachable:
    causes = list(_causes(error))
    for cause in causes:
        match cause:
            case ssl.SSLCertVerificationError():
                why = safe_line(cause.verify_message).rstrip(".")
                return NoSecureConnection(
                    f"{origin} shows a certificate that cannot be trusted: {why}.",
                    hint=(
                        "Trying again will not help: check the address and this machine's clock, or start again with "
                        "SSL_CERT_FILE set to a file that holds the certificate."
                    ),
                )
            case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
                return Unreachable(f"{origin} closed the connection before it was secure.")
            case ssl.SSLError():
                return NoSecureConnection(f"{origin} does not speak TLS as we do.")
            case socket.gaierror():
                return Unreachable(
                    f"The name in {origin} is not known.",
                    hint="Check the address, and that this machine is on the network.",
                )
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return Unreachable(f"Nothing answers at {origin}: the connection was refused.")
    return Unreachable(f"No connection to {origin} could be made.")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and all that it came from, the members of groups included."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for member in error.exceptions:
                yield from _causes(member)
        error = error.__cause__ or error.__context__
