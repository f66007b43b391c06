"""What an event over the wire costs this process: `python tests/benchmarks/wire.py [events] [rounds]`.

Tiny JSON events, one chunk each, from a server in a process of its own; a figure is the median of the rounds, in CPU
time of the reading process, so that a busy machine changes it less than the clock would.
"""

import asyncio
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from loopback import Call, Loopback  # noqa: E402

from steer_tui.domain import Lane, Sampling, SteeringVector, TokenEvent  # noqa: E402
from steer_tui.generation import GenerationState  # noqa: E402
from steer_tui.wire import EVENT_STREAM, SseParser, ask, connect, parse_object, read_events  # noqa: E402


def frame(index: int) -> bytes:
    """A token event as our gateway sends it."""
    told = {"token": " sea", "index": index, "lane": "steered", "logprob": -1.25}
    return f"event: token\ndata: {json.dumps(told)}\n\n".encode()


def serve(events: int, address: Connection) -> None:
    """Send the events to everybody who asks, until the process is ended."""

    async def stream(call: Call) -> None:
        await call.start()
        for index in range(events):
            await call.chunk(frame(index))

    async def wait() -> None:
        async with Loopback({"GET /events": stream}) as server:
            address.send(server.url)
            await asyncio.Event().wait()

    asyncio.run(wait())


async def parse(events: int, _: str) -> None:
    """The parser alone, a chunk an event."""
    parser = SseParser()
    for _index in range(events):
        for _event in parser.feed(FRAME):
            pass


async def drop(_: int, url: str) -> None:
    """The client alone: the floor."""
    async with await connect(url) as client, ask(client, "GET", "/events", expects=[EVENT_STREAM]) as answer:
        async for _chunk in answer.aiter_bytes():
            pass


async def read(events: int, url: str) -> None:
    """The client and the parser."""
    async with await connect(url) as client, ask(client, "GET", "/events", expects=[EVENT_STREAM]) as answer:
        taken = [event async for event in read_events(answer)]
    assert len(taken) == events


async def apply(events: int, url: str) -> None:
    """The client, the parser, JSON and the state."""
    state = GenerationState()
    state.start(Lane.STEERED, 1, ("Once", Sampling(), SteeringVector(), False), 0.0, None)
    async with await connect(url) as client, ask(client, "GET", "/events", expects=[EVENT_STREAM]) as answer:
        async for event in read_events(answer):
            told = parse_object(event.data)
            token = TokenEvent(told["token"], told["index"], Lane(told["lane"]), told["logprob"])
            state.apply(token, 1, time.monotonic())
    assert state.lanes[Lane.STEERED].current_index == events


FRAME = frame(12345)
WAYS: dict[str, Callable[[int, str], Awaitable[None]]] = {
    "the parser alone": parse,
    "httpx alone": drop,
    "httpx and the parser": read,
    "httpx, parser, JSON, state": apply,
}


async def main(events: int, rounds: int) -> None:
    """Print the table."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(events, theirs), daemon=True)
    server.start()
    url = await asyncio.to_thread(ours.recv)
    print("| way | µs CPU an event | events a second |\n|---|---|---|")
    for name, way in WAYS.items():
        taken = []
        for _ in range(rounds + 1):
            began = time.process_time()
            await way(events, url)
            taken.append((time.process_time() - began) / events)
        cost = statistics.median(taken[1:])
        print(f"| {name} | {cost * 1e6:.2f} | {1 / cost:,.0f} |")
    server.terminate()


if __name__ == "__main__":
    asyncio.run(main(*[int(argument) for argument in sys.argv[1:]] or (20_000, 5)))
