"""A page in a real browser that opens EventSources and tells what it saw, and a line to the gateway that can be cut.

    async with Browser() as browser, gateway(engine, origins=(browser.origin,)) as there:
        seen = await browser.follow({"first": f"{there.url}/api/generate?prompt=Hello"})
        seen["first"].events[0]["data"]["token"]

The page is of another origin than the gateways; when every source has stopped for good it posts what it saw back to the
server that it came from. Nothing is driven from outside: no protocol of the browser's and no library for one.
"""

import asyncio
import json
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from loopback import Call, Loopback

PATIENCE = 60.0
"""A browser waits 3 seconds before it connects again, and starts in one or, on a busy machine, in ten."""

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

FLAGS = (
    "--headless",
    "--no-sandbox",  # which root cannot have; the page is our own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # nothing beyond this machine is asked
)

PAGE = """<!doctype html><meta charset="utf-8"><script>
const asked = ASKED;

async function pass() {
  if (!asked.token) return "";
  const answer = await fetch(asked.guarded + "/api/token", {
    method: "POST", headers: {Authorization: "Bearer " + asked.token},
  });
  return encodeURIComponent((await answer.json()).token);
}

function follow(address) {
  return new Promise((resolve) => {
    const source = new EventSource(address);
    const seen = {events: [], opened: 0, lost: 0};
    source.onopen = () => { seen.opened += 1; };
    const take = (event) => {
      seen.events.push({id: event.lastEventId, event: event.type, data: JSON.parse(event.data)});
    };
    for (const name of ["message", "token", "activation", "rewind", "done"]) source.addEventListener(name, take);
    source.addEventListener("error", (event) => {
      if (event.data !== undefined) return take(event);  // the server's own event of that name
      if (source.readyState === EventSource.CLOSED) resolve(seen);
      else seen.lost += 1;
    });
  });
}

async function main() {
  const token = await pass();
  const names = Object.keys(asked.sources);
  const seen = await Promise.all(names.map((name) => follow(asked.sources[name].replace("PASS", token))));
  return Object.fromEntries(names.map((name, index) => [name, seen[index]]));
}

main()
  .catch((fault) => ({fault: String(fault)}))
  .then((seen) => fetch("/seen", {method: "POST", body: JSON.stringify(seen)}));
</script>"""


@dataclass(frozen=True)
class Seen:
    """What one EventSource saw until it stopped."""

    events: list[dict[str, Any]]
    opened: int
    """How often it was connected."""
    lost: int
    """How often it was not any more, and meant to be again."""

    @property
    def names(self) -> list[str]:
        return [told["event"] for told in self.events]

    @property
    def numbers(self) -> list[int]:
        return [int(told["id"].rpartition(":")[2]) for told in self.events]

    @property
    def text(self) -> str:
        return "".join(told["data"]["token"] for told in self.events if told["event"] == "token")


class Browser:
    """Serves the page, and shows it to Chromium."""

    def __init__(self) -> None:
        self._pages = Loopback({"GET /": self._page, "POST /seen": self._take})
        self._asked: dict[str, Any] = {}
        self._seen: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        self._stack = AsyncExitStack()
        await self._stack.enter_async_context(self._pages)
        self.origin = self._pages.url
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._stack.aclose()

    async def follow(self, sources: Mapping[str, str], *, guarded: str = "", token: str = "") -> dict[str, Seen]:
        """An EventSource for each address, all at once; for PASS in one stands what the guarded gateway gives."""
        self._asked = {"sources": sources, "guarded": guarded, "token": token}
        async with asyncio.timeout(PATIENCE), _chromium(self.origin + "/"):
            seen = await self._seen
        assert "fault" not in seen, seen["fault"]
        return {name: Seen(**told) for name, told in seen.items()}

    async def _page(self, call: Call) -> None:
        await call.answer(PAGE.replace("ASKED", json.dumps(self._asked)), content_type="text/html")

    async def _take(self, call: Call) -> None:
        await call.answer_json({})
        self._seen.set_result(call.json)


@asynccontextmanager
async def _chromium(url: str) -> AsyncIterator[None]:
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(
            CHROMIUM, *FLAGS, f"--user-data-dir={folder}", url,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            env=os.environ | {"HOME": folder}, start_new_session=True,
        )  # fmt: skip
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


@dataclass(frozen=True)
class Cut:
    """Where a connection ends: behind so many events, the place before the first one included, and so many bytes."""

    events: int
    octets: int = 0


class Line:
    """A line to the gateway that cuts the first connection of each prompt that is named, and lets later ones be."""

    def __init__(self, port: int, cuts: Mapping[str, Cut]) -> None:
        self._port, self._cuts = port, dict(cuts)
        self._connections: set[asyncio.Task[None]] = set()
        self.came: dict[str, list[str]] = {}
        """By prompt, the Last-Event-ID of every connection, empty for none."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._carry(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request a connection, so that each tells its own head."""
        there = None
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lines = [line for line in head.split("\r\n") if not line.lower().startswith(("connection:", "host:"))]
            lines[1:1] = [f"Host: 127.0.0.1:{self._port}", "Connection: close"]
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            prompt = parse_qs(urlsplit(lines[0].split(" ")[1]).query).get("prompt", [""])[0]
            self.came.setdefault(prompt, []).append(headers.get("last-event-id", ""))
            cut = self._cuts.pop(prompt, None)
            if cut is not None:  # its events have to be counted
                lines = [line for line in lines if not line.lower().startswith("accept-encoding:")]
            back, there = await asyncio.open_connection("127.0.0.1", self._port)
            there.write("\r\n".join(lines).encode("latin-1"))
            await _pass_on(back, writer, cut)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            if there is not None:
                there.transport.abort()


async def _pass_on(back: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: Cut | None) -> None:
    held = b""
    while piece := await back.read(65536):
        if cut is not None:
            held += piece
            if held.count(b"\n\n") >= cut.events and (end := _behind(held, cut)) <= len(held):
                writer.write(held[len(held) - len(piece) : end])
                await writer.drain()
                return
        writer.write(piece)
        await writer.drain()


def _behind(held: bytes, cut: Cut) -> int:
    place = 0
    for _ in range(cut.events):
        place = held.index(b"\n\n", place) + 2
    return place + cut.octets
