"""Who asks: a token, or else an address."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_network
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.types import Scope

from steer_tui.server.forwarded import Address, Network, nearest_untrusted, read_address
from steer_tui.server.passes import Passes

_PASS_PATH = "/api/generate"


@dataclass(frozen=True, slots=True)
class Client:
    """Whoever a limit and a run belong to."""

    name: str
    """Tells clients apart, and tells nothing of a token."""
    is_admitted: bool
    """Whether it has shown a token, or needs none."""


class Clients:
    """Tells clients apart by what came with their requests."""

    def __init__(self, tokens: tuple[str, ...], proxies: tuple[Network, ...], pass_seconds: float) -> None:
        # Of the token itself, so that a storage that several servers share counts it as one, wherever it is written.
        self._names = {token.encode(): _token_name(token) for token in tokens}
        # In a pass a number stands for it, for a pass in some log could be used to guess the token.
        self._numbers = {name: f"token:{number}" for number, name in enumerate(self._names.values(), 1)}
        self._numbered = {number: name for name, number in self._numbers.items()}
        self._proxies = proxies
        # Of no token either; what a pass is for lives in this process too.
        self._passes = Passes(secrets.token_bytes(32), pass_seconds)
        self.pass_seconds = pass_seconds

    @property
    def need_token(self) -> bool:
        """Whether nobody is answered without one."""
        return bool(self._names)

    def issue_pass(self, client: Client) -> str:
        """A short-lived token that stands for the client's own."""
        return self._passes.issue(self._numbers.get(client.name, client.name))

    def client_of(self, scope: Scope) -> Client:
        """The client that a request comes from."""
        headers = Headers(scope=scope)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and (name := self._name_of(token.strip())):
            return Client(name, is_admitted=True)
        if scope["path"] == _PASS_PATH and scope["method"] == "GET" and (name := self._passed(scope)):
            return Client(name, is_admitted=True)
        return Client(_name(self._address(scope, headers)), is_admitted=not self.need_token)

    def _name_of(self, token: str) -> str | None:
        given, found = token.encode(errors="replace"), None
        for known, name in self._names.items():  # all of them, so that the time tells nothing
            if hmac.compare_digest(known, given):
                found = name
        return found

    def _passed(self, scope: Scope) -> str | None:
        try:
            given = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=200).get("token", [])
        except ValueError:
            return None
        holder = self._passes.holder(given[0]) if len(given) == 1 else None
        return None if holder is None else self._numbered.get(holder, holder)

    def _address(self, scope: Scope, headers: Headers) -> Address | None:
        return nearest_untrusted(_peer(scope), headers.getlist("x-forwarded-for"), self._proxies)


def _token_name(token: str) -> str:
    return f"token:{hmac.new(token.encode(), b'steer-tui client', hashlib.sha256).hexdigest()[:32]}"


def _peer(scope: Scope) -> Address | None:
    return read_address(scope["client"][0]) if scope.get("client") else None


def _name(address: Address | None) -> str:
    """Of IPv6 the network, within which a machine chooses its address as it likes."""
    if isinstance(address, IPv6Address) and not address.is_loopback:
        return f"address:{ip_network((address, 64), strict=False)}"
    return f"address:{address}"
