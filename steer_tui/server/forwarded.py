"""The address that a request comes from, where proxies stand between: only those that were named are believed."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def read_address(text: str) -> Address | None:
    """The address that a text is, with or without a port and brackets; one of IPv4 in an IPv6 one is that."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_among(address: Address | None, networks: Sequence[Network]) -> bool:
    """Whether the address is one of theirs."""
    return address is not None and any(address in network for network in networks)


def nearest_untrusted(peer: Address | None, forwarded: Sequence[str], proxies: Sequence[Network]) -> Address | None:
    """Walk from the connection's own end towards the client, as far as each hop is a proxy that was named.

    `forwarded` are the values of all X-Forwarded-For headers, in order. What cannot be read ends the walk, for whoever
    wrote it is not known.
    """
    hops = [hop for value in forwarded for hop in value.split(",")]
    here = peer
    while hops and is_among(here, proxies):
        hop = read_address(hops.pop())
        if hop is None:
            break
        here = hop
    return here
