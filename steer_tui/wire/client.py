"""The one way in which an HTTP client is made."""

import asyncio
import re
import ssl
import threading
from collections.abc import Mapping

import httpx

from steer_tui import __version__
from steer_tui.domain import Unauthorized, Unsupported
from steer_tui.wire.failures import NoSecureConnection
from steer_tui.wire.origin import is_loopback, origin_of, read_address

CONNECT_SECONDS = 10.0

_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")

_trusted: ssl.SSLContext | None = None
_making_trusted = threading.Lock()


def _trusted_certificates() -> ssl.SSLContext:
    global _trusted
    with _making_trusted:
        if _trusted is None:
            _trusted = httpx.create_ssl_context()
        return _trusted


def _trusts_nobody() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


async def connect(base_url: str, headers: Mapping[str, str] | None = None) -> httpx.AsyncClient:
    """A client for one server, whose headers (keys among them) go there and to no other host.

    It connects within `CONNECT_SECONDS` and then waits for ever: deadlines are the controller's. It follows no
    redirects, and a request to another origin is refused before it leaves. Nothing is sent yet, so that an address
    where nobody listens shows at the first request. The caller closes it.
    """
    url = read_address(base_url)
    for name, value in (headers or {}).items():
        # Checked here because the errors of the libraries below would quote the key.
        if not _HEADER_VALUE.fullmatch(value):
            raise Unauthorized(
                f"The value for the header {name} is empty or holds a character that no header can carry.",
                hint="Look for a line break or a missing value where the key comes from.",
            )
    try:
        # Reading the certificates takes tens of milliseconds: it is done once, and where nothing can need them, not.
        is_plain = url.scheme == "http" and is_loopback(url)
        verify = _trusts_nobody() if is_plain else await asyncio.to_thread(_trusted_certificates)
    except OSError as error:
        raise NoSecureConnection(
            "The certificates of this machine cannot be read.", hint="Check SSL_CERT_FILE and SSL_CERT_DIR."
        ) from error
    home = origin_of(url)

    async def stay_home(request: httpx.Request) -> None:
        if origin_of(request.url) != home:
            raise Unsupported(f"A connection to {home} asks {origin_of(request.url)} for nothing.")

    try:
        return httpx.AsyncClient(
            base_url=url,
            headers={"User-Agent": f"steer-tui/{__version__}", **(headers or {})},
            verify=verify,
            timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=4),
            follow_redirects=False,
            trust_env=not is_loopback(url),  # a proxy reaches its own localhost, not ours
            event_hooks={"request": [stay_home]},
        )
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise Unsupported(
            "The proxy that the environment names cannot be used.",
            hint="Check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, or name the host in NO_PROXY.",
        ) from error
