"""What a server is started with."""

import math
import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from limits import parse

from steer_tui.domain import InvalidValue

_RATE = re.compile(r"\d+ *(?:/|per) *(?:[1-9]\d* *)?(?:second|minute|hour|day|month|year)s?", re.IGNORECASE)
_ORIGIN = re.compile(r"https?://[^/?#@\s,*]+")


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Where the server listens, whom it answers, and how much of it there is for each."""

    host: str = "127.0.0.1"
    port: int = 8765
    """0 takes a free one."""
    tokens: tuple[str, ...] = ()
    """Any of them opens the door, and each is a client of its own; without one, only this machine is answered."""
    rate_limit: str = "10/minute"
    """New generations a client, over a sliding window."""
    storage: str = "memory://"
    """Where they are counted; `redis://host:6379` counts for several processes."""
    origins: tuple[str, ...] = ()
    """Where pages in a browser may come from, such as `https://lab.example`; without one, from this server alone."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks whose X-Forwarded-For is believed."""
    keep_seconds: float = 60.0
    """How long a run waits for a lost client, and a finished one for a last look."""
    generation_seconds: float = 30.0
    generations: int = 4
    """How many are made at once."""
    queue: int = 16
    """How many may wait for their turn."""
    heartbeat_seconds: float = 15.0

    def __post_init__(self) -> None:
        if not self.tokens and not is_loopback(self.host):
            raise InvalidValue(f"To listen on {self.host!r}, where others can ask, the server needs a token.")
        if any(
            len(token) < 8 or not token.isascii() or not token.isprintable() or " " in token for token in self.tokens
        ):
            raise InvalidValue("A token is at least 8 printable ASCII characters, without spaces.")
        if not 0 <= self.port <= 65535:
            raise InvalidValue(f"A port lies between 0 and 65535; it is {self.port}.")
        if not all(map(math.isfinite, (self.keep_seconds, self.generation_seconds, self.heartbeat_seconds))):
            raise InvalidValue("The server's times are finite.")
        if min(self.keep_seconds, self.queue) < 0 or min(self.generation_seconds, self.heartbeat_seconds) <= 0:
            raise InvalidValue("The server's times and its queue cannot be below 0.")
        if self.generations < 1:
            raise InvalidValue(f"At least 1 generation runs at once; it is {self.generations}.")
        for origin in self.origins:
            if not _ORIGIN.fullmatch(origin):
                raise InvalidValue(f"An origin is written like https://lab.example; it is {origin!r}.")
        if not _RATE.fullmatch(self.rate_limit.strip()) or parse(self.rate_limit).amount < 1:
            raise InvalidValue(f"A rate limit is written like 10/minute; it is {self.rate_limit!r}.")
        _ = self.proxies

    @property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The trusted proxies as networks."""
        try:
            return tuple(ip_network(proxy) for proxy in self.trusted_proxies)
        except ValueError as error:
            raise InvalidValue(f"A trusted proxy is an address or a network: {error}.") from None


def is_loopback(host: str) -> bool:
    """Whether only this machine can ask there."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
