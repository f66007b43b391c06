"""A server that runs somewhere already, and that somebody else starts and ends."""

import asyncio
import time

from pydantic import SecretStr

from steer_tui.domain import safe_line
from steer_tui.engines.interp.serving.readiness import ask_health, loading_failure
from steer_tui.engines.interp.serving.server import ServerAddress
from steer_tui.engines.interp.serving.shared import Shared
from steer_tui.engines.services import Loading
from steer_tui.wire import connect

LOOK_PAUSE_SECONDS = 1.0
"""Between two looks at a server that is loading."""
TRUST_SECONDS = 5.0
"""For how long a server that was ready is taken for it without another look."""


class Remote:
    """A server at an address, waited for while it loads its model."""

    def __init__(self, url: str, key: SecretStr | None = None) -> None:
        self._url = url.strip().rstrip("/").removesuffix("/v1")
        self._key = key
        self._getting_ready = Shared(self._get_ready)
        self._loading: Loading | None = None
        self._was_ready: float | None = None

    @property
    def url(self) -> str:
        """Where it is, as it was named."""
        return self._url

    @property
    def loading(self) -> Loading | None:
        """How far it is, as it said last, or None while nothing is waited for."""
        return self._loading

    async def address(self) -> ServerAddress:
        """Where it answers, once it is ready; one that is not there raises at the first look."""
        if self._was_ready is None or time.monotonic() - self._was_ready > TRUST_SECONDS:
            await self._getting_ready.result()
        return ServerAddress(self._url, self._key)

    async def aclose(self) -> None:
        """Wait for it no longer; the server itself goes on."""
        self._was_ready = None
        await self._getting_ready.aclose()

    async def _get_ready(self) -> None:
        key = {} if self._key is None else {"Authorization": f"Bearer {self._key.get_secret_value()}"}
        try:
            async with await connect(self._url, key) as client:
                while not (health := await ask_health(client)).is_ready:
                    if health.problem is not None:
                        raise loading_failure(health.model, health.problem)
                    began = self._loading.began if self._loading else time.monotonic()
                    model = safe_line(health.model) or "its model"
                    self._loading = Loading(f"the server loads {model}", began)
                    await asyncio.sleep(LOOK_PAUSE_SECONDS)
            self._was_ready = time.monotonic()
        finally:
            self._loading = None
