"""Clients that go: lost, vanished, in the queue, with a goodbye."""

import asyncio
import socket

import pytest
from scripted_engine import Gate, ScriptedEngine, speaking, token
from server.talking import (
    OTHER_TOKEN,
    TOKEN,
    asked,
    bearer,
    events_in,
    gateway,
    raw,
    raw_post,
    text_of,
    until,
)

from steer_tui.server import serving


async def test_with_resume_turned_off_a_client_that_goes_cancels_at_once_though_nothing_is_written():
    engine = ScriptedEngine(speaking(Gate()))
    async with gateway(engine) as there:
        async with there.stream(asked(resume=False)):
            await until(lambda: engine.open_streams == 1)
        await until(lambda: engine.open_streams == 0)
        await until(lambda: engine.log == ["open 1 steered", "close 1 steered"])


async def test_a_client_that_vanishes_without_a_word_is_noticed():
    engine = ScriptedEngine(speaking(Gate()))
    async with gateway(engine) as there:
        reader, writer = await raw(there.port, raw_post(b'{"prompt": "a", "options": {"resume": false}}'))
        await until(lambda: engine.open_streams == 1)
        writer.transport.abort()
        await until(lambda: engine.open_streams == 0)
        assert reader is not None


async def test_a_goodbye_cancels_at_once_and_ends_the_stream():
    engine = ScriptedEngine(speaking(gate := Gate()))
    async with gateway(engine) as there, there.stream() as stream:
        gate.let(2)
        await stream.next(2)
        assert (await there.client.delete(f"/api/generate/{stream.run}")).status_code == 204
        await until(lambda: engine.open_streams == 0)
        assert [told.data["code"] for told in await stream.rest()] == ["cancelled"]
        assert (await there.client.delete(f"/api/generate/{stream.run}")).status_code == 404
        assert (await there.resume(f"{stream.run}:1")).status_code == 410


async def test_a_goodbye_to_another_clients_run_is_404():
    async with gateway(ScriptedEngine(), tokens=(TOKEN, OTHER_TOKEN)) as there:
        run = (await there.generate(**bearer(TOKEN)))[0].id.rpartition(":")[0]
        theirs = await there.client.delete(f"/api/generate/{run}", headers=bearer(OTHER_TOKEN))
        none = await there.client.delete("/api/generate/nobody", headers=bearer(OTHER_TOKEN))
        own = await there.client.delete(f"/api/generate/{run}", headers=bearer(TOKEN))
    assert (theirs.status_code, theirs.content) == (none.status_code, none.content) == (404, none.content)
    assert own.status_code == 204


async def test_the_queue_tells_its_length_and_lets_in_by_turn():
    engine = ScriptedEngine(speaking(gate := Gate()))
    async with (
        gateway(engine, generations=1, queue=2) as there,
        there.stream(asked("first")) as first,
        there.stream(asked("second")) as second,
        there.stream(asked("third")) as third,
    ):
        lengths = [stream.response.headers["queue-length"] for stream in (first, second, third)]
        assert lengths == ["0", "1", "2"]
        assert (await there.info())["generations"] == {"running": 1, "waiting": 2, "atOnce": 1, "queue": 2}
        full = await there.post(asked("fourth"))
        gate.open()
        texts = [text_of(await stream.rest()) for stream in (third, first, second)]
        await until(lambda: engine.open_streams == 0)
        idle = (await there.info())["generations"]
    assert full.status_code == 503
    assert int(full.headers["retry-after"]) == full.json()["retryAfter"] > 0
    assert full.json()["code"] == "overloaded"
    assert len(set(texts)) == 1
    assert [request.prompt for request in engine.requests] == ["first", "second", "third"]
    assert engine.most_open == 1
    assert (idle["running"], idle["waiting"]) == (0, 0)


async def test_who_vanishes_in_the_queue_for_good_leaves_it():
    engine = ScriptedEngine(speaking(gate := Gate()))
    async with gateway(engine, generations=1, queue=1) as there, there.stream(asked("first")) as first:
        async with there.stream(asked("second", resume=False)):
            assert (await there.post(asked("third"))).status_code == 503
        async with asyncio.timeout(5):
            while (await there.info())["generations"]["waiting"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        async with there.stream(asked("fourth")) as fourth:
            gate.open()
            await first.rest()
            await fourth.rest()
    assert [request.prompt for request in engine.requests] == ["first", "fourth"]


async def test_who_is_lost_in_the_queue_can_come_back():
    engine = ScriptedEngine(speaking(gate := Gate()))
    async with gateway(engine, generations=1) as there, there.stream(asked("first")) as first:
        async with there.stream(asked("second")) as second:
            pass
        async with there.behind(f"{second.run}:0") as again:
            gate.open()
            await first.rest()
            assert text_of(await again.rest()) == " the sea was calm and the night was long"


async def test_of_many_at_once_only_those_that_find_room_count():
    class Pausing(ScriptedEngine):
        async def find_features(self, query, limit=None):
            await asyncio.sleep(0)
            return await super().find_features(query, limit)

    engine = Pausing(speaking(gate := Gate()))
    body = asked(features=[{"label": "sea", "value": 1}])
    async with gateway(engine, generations=1, queue=1, rate_limit="10/minute") as there:
        asking = [asyncio.create_task(there.post(body)) for _ in range(6)]
        await until(lambda: sum(one.done() for one in asking) == 4)
        left = (await there.get("/api/info")).headers["ratelimit-remaining"]
        gate.open()
        codes = sorted(answer.status_code for answer in await asyncio.gather(*asking))
    assert (codes, left) == ([200, 200, 503, 503, 503, 503], "8")


async def test_who_is_refused_by_the_limit_gives_its_place_back():
    body = asked(features=[{"label": "sea", "value": 1}])
    async with gateway(ScriptedEngine(speaking(gate := Gate())), queue=50, rate_limit="1/minute") as there:
        asking = [asyncio.create_task(there.post(body)) for _ in range(5)]
        await until(lambda: sum(one.done() for one in asking) == 4)
        held = (await there.info())["generations"]
        gate.open()
        codes = sorted(answer.status_code for answer in await asyncio.gather(*asking))
    assert (codes, held["running"], held["waiting"]) == ([200, 429, 429, 429, 429], 1, 0)


async def test_a_full_house_does_not_count_against_the_limit():
    engine = ScriptedEngine(speaking(gate := Gate()))
    async with gateway(engine, generations=1, queue=0, rate_limit="2/minute") as there, there.stream():
        refused = [await there.post(asked()) for _ in range(4)]
        gate.open()
        await until(lambda: engine.open_streams == 0)
        again = await there.post(asked())
    assert {answer.status_code for answer in refused} == {503}
    assert again.status_code == 200


@pytest.mark.parametrize("end", ["lost", "goodbye", "failure", "finished"])
async def test_every_end_frees_the_place(end):
    gate = Gate()
    engine = ScriptedEngine(speaking(gate))
    async with gateway(engine, generations=1, queue=0, keep_seconds=0.05, generation_seconds=0.3) as there:
        async with there.stream() as stream:
            gate.let()
            await stream.next()
            if end == "goodbye":
                await there.client.delete(f"/api/generate/{stream.run}")
            elif end == "failure":
                await stream.rest()
            elif end == "finished":
                gate.open()
                await stream.rest()
        gate.open()
        async with asyncio.timeout(5):
            while (answer := await there.post(asked())).status_code == 503:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    assert text_of(events_in(answer.content)) == " the sea was calm and the night was long"


async def test_a_slow_reader_holds_nobody_up_and_little_memory():
    def much(request):
        for index in range(3000 if request.prompt == "slow" else 50):
            yield token("x" * 300, index)

    engine = ScriptedEngine(much)
    async with gateway(engine) as there:
        reader, writer = await raw(there.port, raw_post(b'{"prompt": "slow"}'))
        writer.transport.pause_reading()
        await until(lambda: engine.requests and engine.open_streams == 0)
        for _ in range(3):
            assert len(await there.generate(asked("quick"))) == 51
        writer.transport.resume_reading()
        body = b""
        async with asyncio.timeout(10):
            while b"event: error" not in body:
                body += await reader.read(65536)
        writer.close()
    assert body.count(b"event: token") == 3000


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux gives up who takes nothing")
async def test_a_reader_that_takes_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(serving, "STALLED_SECONDS", 0.5)

    def much(request):
        for index in range(3000):
            yield token("x" * 3000, index)
        yield asyncio.Event()  # and nothing more, for ever

    engine = ScriptedEngine(much)
    async with gateway(engine) as there:
        reader, writer = await raw(there.port, raw_post(b'{"prompt": "a", "options": {"resume": false}}'))
        writer.transport.pause_reading()
        await until(lambda: engine.open_streams == 1)
        await until(lambda: engine.open_streams == 0)
        writer.transport.abort()
        assert reader is not None
