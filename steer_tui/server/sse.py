"""A run as an answer that stays open: events as they come, a heartbeat between them, an end when the client is gone.

Our own and not sse-starlette's: that patches uvicorn for the whole process, cuts every stream of the process by a flag
that is never taken back, and needs four tasks and two thirds more memory a stream. Starlette's own does not notice a
client that goes while nothing is written.
"""

import asyncio
from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from steer_tui.server.keeping import Runs
from steer_tui.server.runs import Reader, Run


class RunStream(Response):
    """The events of a run behind a number."""

    media_type = "text/event-stream"

    def __init__(self, runs: Runs, run: Run, after: int, heartbeat: float, headers: Mapping[str, str]) -> None:
        self.status_code, self.background = 200, None
        # A proxy must neither keep the stream nor gather it.
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no", **headers})
        self._runs, self._run, self._after, self._heartbeat = runs, run, after, heartbeat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stay until the run has ended or the client is gone."""
        with self._runs.reading(self._run, self._after) as reader:
            async with asyncio.TaskGroup() as group:
                listening = group.create_task(self._listen(receive, reader))
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                async for batch in reader.batches():
                    await send({"type": "http.response.body", "body": batch, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                listening.cancel()

    async def _listen(self, receive: Receive, reader: Reader) -> None:
        """Wait for the client to go, which no write would tell while there is nothing to write."""
        while True:
            try:
                async with asyncio.timeout(self._heartbeat):
                    if (await receive())["type"] == "http.disconnect":
                        break
            except TimeoutError:
                reader.beat()
        reader.leave()
