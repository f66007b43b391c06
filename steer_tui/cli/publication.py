"""What a person is told where a service publishes the texts that it generates."""

from steer_tui.cli.telling import tell
from steer_tui.engines import Engine
from steer_tui.engines.services import Publishes


def tell_publication(engine: Engine) -> None:
    """Say what becomes public, before the first request leaves."""
    if isinstance(engine, Publishes):
        tell(engine.publication)


def tell_link(engine: Engine) -> None:
    """Say where the latest text can be read, if anywhere."""
    if isinstance(engine, Publishes) and engine.latest_link is not None:
        tell(f"It can be read at {engine.latest_link}")
