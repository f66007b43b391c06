"""The address of a service, as far as it decides who gets a key."""

from typing import NamedTuple
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """Scheme, host and port: what a key is for, whatever the path."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        """As it is written, without the port that the scheme has anyway."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")


def origin_of(address: str) -> Origin:
    """The origin of an address; raises ValueError, which does not quote it, where it is none of a service."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        parts, port = None, None  # without the cause, which quotes what may be a password
    if (
        parts is None
        or parts.scheme not in _PORTS
        or not parts.hostname
        or port == 0
        or parts.query
        or parts.fragment
        or any(character.isspace() for character in address)
    ):
        raise ValueError("the address of a service is http://host:port or https://host")
    return Origin(parts.scheme, parts.hostname, port or _PORTS[parts.scheme])
