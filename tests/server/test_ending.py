"""The server ends: with streams open, with one that is not read, by a signal."""

import asyncio
import signal
import time
from contextlib import suppress

import pytest
from scripted_engine import Gate, ScriptedEngine, speaking, token
from server.talking import PATIENCE, Stream, asked, client_of, gateway, names_of, raw, raw_post, until

from steer_tui.domain import Rejected
from steer_tui.server import ServeSettings, keeping, serve
from steer_tui.server.serving import running


async def test_every_open_stream_is_told_and_nothing_hangs():
    engine = ScriptedEngine(speaking(gate := Gate()))
    async with client_of() as client:
        async with running(engine, ServeSettings(port=0, generations=2)) as url:
            streams = []
            for _ in range(3):  # the last one waits for its turn
                request = client.build_request("POST", f"{url}/api/generate", json=asked())
                streams.append(Stream(await client.send(request, stream=True)))
            gate.let(2)
            await until(lambda: engine.open_streams == 2)
            await streams[0].next()
            began = time.monotonic()
        took = time.monotonic() - began
        ends = [(await stream.rest())[-1] for stream in streams]
        for stream in streams:
            await stream.aclose()
    assert {(told.event, told.data["code"]) for told in ends} == {("error", "unreachable")}
    assert engine.open_streams == 0
    assert took < PATIENCE


async def test_a_stream_that_nobody_reads_does_not_hold_the_end_up():
    def much(request):
        for index in range(2000):
            yield token("x" * 3000, index)

    engine = ScriptedEngine(much)
    async with gateway(engine) as there:
        reader, writer = await raw(there.port, raw_post(b'{"prompt": "a"}'))
        writer.transport.pause_reading()
        await until(lambda: engine.requests and engine.open_streams == 0)
        began = time.monotonic()
    assert time.monotonic() - began < PATIENCE
    writer.transport.abort()
    assert reader is not None


async def test_an_engine_that_does_not_end_does_not_hold_the_end_up(monkeypatch):
    monkeypatch.setattr(keeping, "CLOSING_SECONDS", 0.1)
    engine = ScriptedEngine(speaking(Gate()), closing=3600.0)
    async with gateway(engine) as there, there.stream():
        await until(lambda: engine.open_streams == 1)
        began = time.monotonic()
    assert time.monotonic() - began < PATIENCE
    assert engine.open_streams == 1  # its own account was cut short


async def test_an_engine_that_will_not_be_cancelled_does_not_either(monkeypatch):
    monkeypatch.setattr(keeping, "CLOSING_SECONDS", 0.05)

    class Stubborn(ScriptedEngine):
        async def stream(self, request):
            self.requests.append(request)
            yield token("a")
            while not over.is_set():
                with suppress(asyncio.CancelledError):
                    await over.wait()

    over, engine = asyncio.Event(), Stubborn()
    async with asyncio.timeout(PATIENCE):
        async with gateway(engine) as there, there.stream() as stream:
            await stream.next()
    over.set()


async def test_a_server_that_cannot_start_says_so(monkeypatch):
    async def fail(self):
        raise OSError("no room")

    monkeypatch.setattr(keeping.Runs, "__aenter__", fail)
    with pytest.raises(Rejected):
        async with asyncio.timeout(PATIENCE), running(ScriptedEngine(), ServeSettings(port=0)):
            pass


async def test_an_idle_connection_does_not_hold_the_end_up():
    async with gateway(ScriptedEngine()) as there:
        await there.get("/health")
        _, silent = await raw(there.port, b"")
        _, half = await raw(there.port, raw_post(b"{", "Content-Length: 100", length=False))
        await asyncio.sleep(0.05)
    silent.close()
    half.close()


async def test_two_servers_of_one_process_end_by_themselves():
    engine = ScriptedEngine(speaking(gate := Gate()))
    async with gateway(engine) as there, there.stream() as stream:
        async with gateway(ScriptedEngine()) as other:
            await other.generate()
        gate.open()
        assert names_of(await stream.rest())[-1] == "done"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_with_a_word_to_every_open_stream_and_is_told_to_whoever_called(number):
    engine, listening = ScriptedEngine(speaking(Gate())), asyncio.Queue()
    former = signal.getsignal(number)
    serving = asyncio.create_task(serve(engine, ServeSettings(port=0), listening.put_nowait))
    async with asyncio.timeout(PATIENCE):
        async with client_of(await listening.get()) as client:
            request = client.build_request("POST", "/api/generate", json=asked())
            stream = Stream(await client.send(request, stream=True))
            signal.raise_signal(number)
            assert [told.data["code"] for told in await stream.rest()] == ["unreachable"]
            await stream.aclose()
        assert await serving == number
    assert signal.getsignal(number) == former
    assert engine.open_streams == 0
