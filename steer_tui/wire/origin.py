"""The origin of an address, which is all of it that a message names: a path, a query or a name may hold a secret."""

from ipaddress import ip_address

import httpx

from steer_tui.domain import Rejected, safe_line

_PORTS = {"http": 80, "https": 443}


def read_address(base_url: str) -> httpx.URL:
    """The address of a server, or `Rejected` where nothing can be asked there."""
    hint = "Write the address as http://host:port or https://host."
    try:
        url = httpx.URL(base_url.strip())
        known = url.scheme in _PORTS and url.host != ""
    except (httpx.InvalidURL, UnicodeError) as error:
        raise Rejected("The server's address cannot be read.", hint=hint) from error
    if not known:
        raise Rejected("The server's address is neither an http:// nor an https:// address.", hint=hint)
    if url.port is not None and not 0 < url.port < 65536:
        raise Rejected("The port in the server's address is none: they go from 1 to 65535.", hint=hint)
    if url.query or url.fragment:
        raise Rejected("The server's address holds a query or a fragment, which no path can follow.", hint=hint)
    return url.copy_with(query=None, fragment=None)


def origin_of(url: httpx.URL) -> str:
    """`scheme://host` and the port where it is not the scheme's own."""
    port = "" if url.port in (None, _PORTS.get(url.scheme)) else f":{url.port}"
    host = f"[{url.host}]" if ":" in url.host else url.host
    return safe_line(f"{url.scheme}://{host}{port}")


def is_loopback(url: httpx.URL) -> bool:
    """Whether the address is this machine's own."""
    if url.host == "localhost" or url.host.endswith(".localhost"):
        return True
    try:
        address = ip_address(url.host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
