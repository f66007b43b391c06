"""What the gateway holds, beside its own bare stack: `python tests/benchmarks/gateway.py [rounds]`.

The bare stack is uvicorn and Starlette's StreamingResponse, writing the same bytes at the same times and knowing
nothing of engines, runs, limits or clients that come back. A server in a process of its own, the load in this one, on
two cores; all of it stays on this machine and ends by itself. A figure is the median of the rounds, in which both
servers take turns; the CPU time of a token changes less with a busy machine than the clock's figures do. Linux alone.
"""

import asyncio
import json
import logging
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

import uvicorn  # noqa: E402
from benchmarks.load import TOKENS_A_SECOND, Load, Server, quantile  # noqa: E402
from starlette.applications import Starlette  # noqa: E402
from starlette.requests import Request  # noqa: E402
from starlette.responses import StreamingResponse  # noqa: E402
from starlette.routing import Route  # noqa: E402

from steer_tui.domain import Event, Feature, GenerationRequest, Lane, TokenEvent  # noqa: E402
from steer_tui.engines import EngineInfo  # noqa: E402
from steer_tui.server import ServeSettings  # noqa: E402
from steer_tui.server.serving import running  # noqa: E402

LATE_SECONDS = 0.25
"""A token that comes later than this after its time is late; of a stream that is held, 1 in 100 may be."""

STREAMS_MAX = 2_400
FEW, MANY = 100, 200
FLAT_OUT = {1: 20_000, MANY: 60_000}
"""Events that a flat-out timing of so many streams moves, shared among them."""
LEAVES = 200
LOADS: list[float] = []
"""The share of a core that the load itself took, a trial each: near 1 the figures would be its own."""


async def moments(asked: str) -> AsyncGenerator[float, None]:
    """When each token is due, at that time: `paced`, `idle` after the first, or `flat 1000` as fast as can be."""
    kind, _, count = asked.partition(" ")
    began, index = time.monotonic(), 0
    while kind != "flat" or index < int(count):
        due = began if kind == "flat" else began + index / TOKENS_A_SECOND
        if index and kind != "flat":
            await asyncio.sleep(3600.0 if kind == "idle" else max(0.0, due - time.monotonic()))
        yield due
        index += 1


class PacedEngine:
    """Says when each of its tokens was due, and notes when it was cancelled."""

    info = EngineInfo("paced", "none")

    def __init__(self) -> None:
        self.cancelled: dict[int, float] = {}
        """By the request's seed."""

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """Tokens as the prompt asks for them; what should have an end ends by a cut."""
        index = 0
        try:
            async for due in moments(request.prompt):
                yield TokenEvent(f" {due:.6f}", index, Lane.STEERED, -1.25)
                index += 1
        finally:
            self.cancelled[request.sampling.seed] = time.monotonic()

    async def find_features(self, query: str, limit: int | None = None) -> Sequence[Feature]:
        """None."""
        return ()

    async def aclose(self) -> None:
        """Nothing is held."""


def serve_ours(pipe: Connection) -> None:
    """The gateway, until it is told to stop; then it tells what was cancelled when."""

    async def wait() -> None:
        engine = PacedEngine()
        settings = ServeSettings(
            port=0, rate_limit="100000/second", generations=STREAMS_MAX, queue=0, generation_seconds=600.0
        )
        async with running(engine, settings) as url:
            pipe.send(url)
            await asyncio.to_thread(pipe.recv)
            pipe.send(engine.cancelled)

    asyncio.run(wait())


def serve_bare(pipe: Connection) -> None:
    """uvicorn and Starlette alone, with the same writes."""

    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it writes on for a while to clients that have gone

    async def generate(request: Request) -> StreamingResponse:
        asked = await request.json()

        async def events() -> AsyncGenerator[bytes, None]:
            index = 0
            async for due in moments(asked["prompt"]):
                told = {"token": f" {due:.6f}", "index": index, "lane": "steered", "logprob": -1.25}
                index += 1
                data = json.dumps(told, separators=(",", ":"))
                yield f"id: 0123456789012345678901:{index}\nevent: token\ndata: {data}\n\n".encode()

        return StreamingResponse(events(), media_type="text/event-stream")

    async def wait() -> None:
        app = Starlette(routes=[Route("/api/generate", generate, methods=["POST"])])
        config = uvicorn.Config(app, port=0, lifespan="off", ws="none", log_config=None, access_log=False, backlog=2048)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  # it tells so by nothing else
            await asyncio.sleep(0.01)
        pipe.send(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}")
        await asyncio.to_thread(pipe.recv)
        pipe.send({})
        server.should_exit = server.force_exit = True
        await serving

    asyncio.run(wait())


SERVERS: dict[str, Callable[[Connection], None]] = {"ours": serve_ours, "bare": serve_bare}


@contextmanager
def started(name: str) -> Iterator[Server]:
    """The server of this name, in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=SERVERS[name], args=(theirs,), daemon=True)
    process.start()
    try:
        port = int(ours.recv().rpartition(":")[2])
        assert process.pid is not None
        yield Server(port, process.pid, ours)
    finally:
        process.terminate()
        process.join()


def holds(name: str, streams: int) -> bool:
    """Whether so many streams come in time."""
    with started(name) as server, Load(server) as load:
        if not load.open(streams, "paced", within=20.0 + streams / 100):
            return False
        load.follow(1.0)
        began, computed = time.perf_counter(), time.process_time()
        late = load.lateness(4.0, give_up=LATE_SECONDS * 2)
        LOADS.append((time.process_time() - computed) / (time.perf_counter() - began))
    return quantile(late, 0.99) <= LATE_SECONDS


def most_held(name: str) -> int:
    """The most streams that come in time, to a tenth: doubled until they do not, then halved in between."""
    held, missed = 0, 50
    while missed <= STREAMS_MAX and holds(name, missed):
        held, missed = missed, missed * 2
    missed = min(missed, STREAMS_MAX)
    while held and missed - held > held * 0.1:
        middle = (held + missed) // 2
        held, missed = (middle, missed) if holds(name, middle) else (held, middle)
    return held


def cost_of_a_token(name: str) -> float:
    """Microseconds of the server's CPU time for a token of FEW streams that are paced."""
    with started(name) as server, Load(server) as load:
        load.open(FEW, "paced", within=60.0)
        load.follow(1.0)
        began = server.cpu_seconds
        load.lateness(4.0)
        return (server.cpu_seconds - began) / (4.0 * TOKENS_A_SECOND * FEW) * 1e6


def flat_out(name: str, streams: int) -> float:
    """Events a second, all streams together."""
    with started(name) as server, Load(server) as load:
        load.open(1, "flat 100", within=60.0)
        began, before = time.perf_counter(), load.tokens
        load.open(streams, f"flat {FLAT_OUT[streams] // streams}", within=60.0, burst=streams)
        while load.tokens - before < FLAT_OUT[streams]:
            load.follow(0.005)
        return FLAT_OUT[streams] / (time.perf_counter() - began)


def memory(name: str, kind: str) -> float:
    """Kilobytes a stream."""
    with started(name) as server:
        with Load(server) as load:  # what is loaded with the first ones is not theirs
            load.open(20, kind, within=60.0)
        time.sleep(0.5)
        before = server.resident_bytes
        with Load(server) as load:
            load.open(MANY, kind, within=60.0)
            load.follow(5.0)
            return (server.resident_bytes - before) / MANY / 1024


def leaving(by: str, others: int) -> list[float]:
    """Seconds from a client's leaving to the end of its generation, while others stream."""
    left: dict[int, float] = {}
    with started("ours") as server:
        with Load(server) as load, Load(server) as leaver:
            load.open(others, "paced", within=60.0)
            for seed in range(1, LEAVES + 1):
                leaver.open(1, "idle", within=60.0, seed=seed)
                load.follow(0.01)
                left[seed] = leaver.leave() if by == "disconnect" else leaver.delete()
                load.follow(0.02)
            load.follow(0.5)
        cancelled = server.end()
    return [cancelled[seed] - moment for seed, moment in left.items()]


def main(rounds: int) -> None:
    """Print the tables."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    figures: dict[str, Callable[[str], float]] = {
        f"streams at {TOKENS_A_SECOND} tokens a second, held": most_held,
        f"µs of CPU a token, {FEW} such streams": cost_of_a_token,
        "events a second flat out, one stream": lambda name: flat_out(name, 1),
        f"events a second flat out, {MANY} streams": lambda name: flat_out(name, MANY),
        "kB a stream, idle": lambda name: memory(name, "idle"),
        "kB a stream, streaming for 5 s": lambda name: memory(name, "paced"),
    }
    print(f"The machine's load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.\n")
    print("| | ours | bare | ours of bare |\n|---|---|---|---|")
    for label, figure in figures.items():
        taken: dict[str, list[float]] = {name: [] for name in SERVERS}
        for _ in range(rounds):
            for name in SERVERS:
                taken[name].append(figure(name))
        ours, bare = (statistics.median(taken[name]) for name in SERVERS)
        print(f"| {label} | {ours:,.0f} | {bare:,.0f} | {ours / bare:.2f} |", flush=True)

    print(f"\n| ms until the engine is cancelled, {LEAVES} each | p50 | p99 | max |\n|---|---|---|---|")
    for by in ("disconnect", "DELETE"):
        for others in (0, FEW):
            taken_ms = [seconds * 1e3 for seconds in leaving(by, others)]
            told = " | ".join(f"{quantile(taken_ms, share):.1f}" for share in (0.5, 0.99, 1.0))
            print(f"| {by}, {others} others streaming | {told} |", flush=True)
    print(f"\nThe load took at most {max(LOADS):.0%} of a core. The machine's load after: {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
