"""Much at once: clients in several processes, more than there is room for, slow ones, ones that vanish, and the end."""

import asyncio
import json
import socket
import sys
import tracemalloc
from collections import Counter
from dataclasses import dataclass

from scripted_engine import Gate, ScriptedEngine, done, speaking, token
from server.talking import PATIENCE, Stream, asked, client_of, gateway, names_of, numbers_of, raw, raw_post, until

from steer_tui.server import ServeSettings
from steer_tui.server.runs import BATCH_BYTES
from steer_tui.server.serving import running

ASKS = raw_post(b'{"prompt": "a"}', "Connection: close")

# One client process: so many requests at once, and the head of each answer.
CLIENT = """
import json, socket, sys

port, count, asks = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode()
lines = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(count)]
print("ready", flush=True)
sys.stdin.readline()
for line in lines:
    line.sendall(asks)
answers = [b"".join(iter(lambda: line.recv(65536), b"")) for line in lines]
print(json.dumps([answer.decode().partition("\\r\\n\\r\\n")[0] for answer in answers]))
"""


@dataclass(frozen=True)
class Head:
    """What stands above an answer's body."""

    status: int
    headers: dict[str, str]


def read_head(head: str) -> Head:
    status, *lines = head.split("\r\n")
    headers = (line.partition(": ") for line in lines)
    return Head(int(status.split()[1]), {name.lower(): value for name, _, value in headers})


async def asked_at_once(port: int, processes: int, count: int) -> list[Head]:
    """What `processes` clients are answered that ask `count` times each, all together."""
    pipe = asyncio.subprocess.PIPE
    told = (str(port), str(count), ASKS.decode())
    clients = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", CLIENT, *told, stdin=pipe, stdout=pipe)
        for _ in range(processes)
    ]
    try:
        async with asyncio.timeout(60):
            for client in clients:
                await client.stdout.readline()
            heads = await asyncio.gather(*(client.communicate(b"\n") for client in clients))
    finally:
        for client in clients:
            if client.returncode is None:
                client.kill()
                await client.wait()
    return [read_head(head) for out, _ in heads for head in json.loads(out)]


async def test_of_100_requests_from_4_processes_exactly_10_begin():
    engine = ScriptedEngine()
    async with gateway(engine, rate_limit="10/minute", generations=100) as there:
        answers = await asked_at_once(there.port, processes=4, count=25)
    assert Counter(answer.status for answer in answers) == {200: 10, 429: 90}
    assert len(engine.requests) == 10
    refused = [answer.headers for answer in answers if answer.status == 429]
    assert {(told["ratelimit-remaining"], 0 < int(told["retry-after"]) <= 60) for told in refused} == {("0", True)}


async def test_of_100_requests_at_once_10_find_room_and_are_served():
    engine = ScriptedEngine(speaking(gate := Gate()))

    async def ask(port: int) -> Head:
        reader, writer = await raw(port, ASKS)
        async with asyncio.timeout(PATIENCE):
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.read()
        writer.close()
        assert (b"event: done" in body) == (b" 200 " in head)
        return read_head(head.decode().removesuffix("\r\n\r\n"))

    async with gateway(engine, generations=3, queue=7) as there, asyncio.TaskGroup() as group:
        asks = [group.create_task(ask(there.port)) for _ in range(100)]
        await until(lambda: sum(ask.done() for ask in asks) == 90)
        refused = [ask.result() for ask in asks if ask.done()]
        gate.open()
        answers = await asyncio.gather(*asks)
        idle = (await there.info())["generations"]
    assert Counter(answer.status for answer in answers) == {200: 10, 503: 90}
    assert all("retry-after" in answer.headers for answer in refused)
    assert engine.most_open == 3
    assert len(engine.requests) == 10
    assert (idle["running"], idle["waiting"]) == (0, 0)


def plain(port: int, request: bytes) -> socket.socket:
    """A connection that nothing reads by itself."""
    line = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    line.sendall(request)
    return line


def read_until(line: socket.socket, mark: bytes) -> bytes:
    body = bytearray()
    while mark not in body[-BATCH_BYTES:]:
        piece = line.recv(1 << 20)
        assert piece
        body += piece
    return bytes(body)


async def test_readers_that_read_nothing_cost_little_memory_and_hold_nobody_up():
    many, size = 1500, 6000

    def much(request):
        for index in range(many if request.prompt == "much" else 20):
            yield token("x" * size, index)
        yield done()

    engine = ScriptedEngine(much)
    async with gateway(engine) as there:
        run = (await there.generate(asked("much")))[0].id.rpartition(":")[0]
        resumed = f"GET /api/generate HTTP/1.1\r\nHost: 127.0.0.1\r\nLast-Event-ID: {run}:0\r\n\r\n".encode()
        tracemalloc.start()
        try:
            slow = [plain(there.port, resumed) for _ in range(20)]
            quick = [await there.generate(asked("little")) for _ in range(3)]
            await asyncio.sleep(0.2)  # what would be gathered for the slow ones is gathered by now
            held = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        assert [len(events) for events in quick] == [21] * 3
        # A few writes each, and not the run's 9 MB.
        assert held < len(slow) * 8 * BATCH_BYTES
        body = await asyncio.to_thread(read_until, slow[0], b"event: done")
        assert body.count(b"event: token") == many
        for line in slow:
            line.close()


async def test_clients_that_vanish_all_at_once_leave_nothing_behind():
    engine = ScriptedEngine(speaking(gate := Gate()))
    async with gateway(engine, generations=10, queue=20, keep_seconds=0.05) as there:
        for_good, perhaps = b'{"prompt": "a", "options": {"resume": false}}', b'{"prompt": "a"}'
        clients = [await raw(there.port, raw_post(body)) for body in [for_good, perhaps] * 15]
        async with asyncio.timeout(PATIENCE):
            while (await there.info())["generations"]["waiting"] < 20:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert (await there.post(asked())).status_code == 503
        gate.let(5)
        for _, writer in clients:
            writer.transport.abort()
        async with asyncio.timeout(PATIENCE):
            while (there_are := (await there.info())["generations"]) and there_are["running"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert there_are["waiting"] == 0
        assert engine.open_streams == 0
        gate.open()
        assert names_of(await there.generate())[-1] == "done"


async def test_the_end_with_50_streams_open_tells_every_one_and_hangs_on_none():
    engine = ScriptedEngine(speaking(gate := Gate(), "and on " * 50))
    async with client_of() as client:
        settings = ServeSettings(port=0, generations=30, queue=30, rate_limit="100/minute")
        async with running(engine, settings) as url:
            port = int(url.rpartition(":")[2])

            async def opened(number: int) -> Stream:
                # Every other one is squeezed.
                headers = {"Accept-Encoding": "gzip" if number % 2 else "identity"}
                request = client.build_request("POST", f"{url}/api/generate", json=asked(), headers=headers)
                return Stream(await client.send(request, stream=True))

            streams = await asyncio.gather(*map(opened, range(50)))
            _, half = await raw(port, raw_post(b"{", "Content-Length: 100", length=False))
            _, deaf = await raw(port, raw_post(b'{"prompt": "a"}'))
            deaf.transport.pause_reading()
            await until(lambda: engine.open_streams == 30)
            gate.let(60)
            queued = [stream for stream in streams if stream.response.headers["queue-length"] != "0"]
            first = next(stream for stream in streams if stream not in queued)
            early = await first.next()
        ends = await asyncio.gather(*(stream.rest() for stream in streams))
        ends[streams.index(first)][:0] = early
        for stream in streams:
            await stream.aclose()
    half.close()
    deaf.close()
    assert {stream.response.headers.get("content-encoding") for stream in streams} == {"gzip", None}
    for events in ends:
        assert (events[-1].event, events[-1].data["code"]) == ("error", "unreachable")
        assert names_of(events[:-1]) == ["token"] * (len(events) - 1)
        assert numbers_of(events) == list(range(1, len(events) + 1))
    assert len(queued) == 20
    assert engine.open_streams == 0
