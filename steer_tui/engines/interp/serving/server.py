"""The server behind the engine: one that runs somewhere already, or one that is started for the engine."""

from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

from steer_tui.engines.services import Loading


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server answers that is ready."""

    url: str
    token: SecretStr | None
    """The bearer token, or None where the server takes none."""


class Server(Protocol):
    """A server that gets ready when it is first needed."""

    @property
    def url(self) -> str | None:
        """Where it is, whether it answers or not, or None for one that is started when it is needed."""
        ...

    @property
    def loading(self) -> Loading | None:
        """How far it is, or None while nothing is waited for."""
        ...

    async def address(self) -> ServerAddress:
        """Where it answers, once it has loaded its model; it is started, or waited for, where it has not.

        When everybody who waits for it is cancelled, what was started for them ends. Raises `SteerError`s.
        """
        ...

    async def aclose(self) -> None:
        """End the server if it was started here; closing twice is closing once."""
        ...
