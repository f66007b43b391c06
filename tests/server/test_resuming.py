"""Going on behind an event: none twice and none lost, whenever the connection was cut."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted_engine import Gate, ScriptedEngine, speaking
from server.talking import (
    OTHER_TOKEN,
    TOKEN,
    asked,
    bearer,
    events_in,
    gateway,
    numbers_of,
    raw,
    raw_post,
    text_of,
    until,
)

from steer_tui.domain import GenerationRequest, Unreachable
from steer_tui.server import keeping
from steer_tui.server.keeping import Runs
from steer_tui.server.slots import Slots

SAID = " the sea was calm and the night was long"
EVENTS = 10
BOTH = asked(lanes=["steered", "default"], features=[{"label": "sea", "value": 4}], returnActivations=True)


async def test_behind_every_event_of_a_finished_run_comes_the_rest():
    async with gateway(ScriptedEngine()) as there:
        whole = await there.generate(BOTH)
        for place, told in enumerate(whole[:-1]):
            answer = await there.resume(told.id)
            assert events_in(answer.content) == whole[place + 1 :]
        assert (await there.resume(whole[-1].id)).status_code == 204


@pytest.mark.parametrize("seen", range(EVENTS))
async def test_behind_every_event_of_a_run_that_goes_on_comes_the_rest(seen):
    gate = Gate()
    engine = ScriptedEngine(speaking(gate))
    async with gateway(engine) as there:
        async with there.stream() as stream:
            gate.let(seen)
            first = await stream.next(seen)
        async with there.behind(f"{stream.run}:{seen}") as again:
            gate.open()
            rest = await again.rest()
    assert numbers_of(first + rest) == list(range(1, EVENTS + 1))
    assert text_of(first + rest) == SAID
    assert len(engine.requests) == 1


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(cuts=st.lists(st.integers(1, 700), max_size=5))
async def test_wherever_the_bytes_are_cut_the_events_are_those_of_an_undisturbed_run(cuts):
    async with gateway(ScriptedEngine(speaking_slowly())) as there:
        request, events, last = raw_post(b'{"prompt": "Hello"}'), [], ""
        for cut in cuts:
            reader, writer = await raw(there.port, request)
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 204 " in head:
                writer.close()
                break
            body = await dechunked(reader, cut)
            writer.transport.abort()
            got = events_of_cut(body)
            events += got
            last = got[-1].id if got else last or run_of(head) + ":0"
            request = f"GET /api/generate HTTP/1.1\r\nHost: 127.0.0.1\r\nLast-Event-ID: {last}\r\n\r\n".encode()
        answer = await there.resume(last) if last else await there.post(asked())
        events += events_in(answer.content) if answer.status_code == 200 else []
    assert numbers_of(events) == list(range(1, EVENTS + 1))
    assert text_of(events) == SAID


def as_it_is(event):
    return event


def speaking_slowly():
    def script(request):
        for step in speaking()(request):
            yield 0.001
            yield step

    return script


async def dechunked(reader, most):
    """Up to so many bytes of a chunked body."""
    body = b""
    while len(body) < most and (size := int((await reader.readline()).strip() or b"0", 16)):
        body += await reader.readexactly(size)
        await reader.readline()
    return body[:most]


def events_of_cut(body):
    return events_in(body[: body.rfind(b"\n\n") + 2] if b"\n\n" in body else b"")


def run_of(head):
    return next(line.split(b": ")[1].decode() for line in head.split(b"\r\n") if line.startswith(b"steer-run"))


async def test_a_post_goes_on_as_well_and_its_body_is_not_looked_at():
    async with gateway(ScriptedEngine()) as there:
        whole = await there.generate()
        answer = await there.client.post("/api/generate", content=b"{", headers={"Last-Event-ID": whole[3].id})
    assert events_in(answer.content) == whole[4:]


async def test_two_readers_of_a_run_both_have_all_of_it():
    gate = Gate()
    async with gateway(ScriptedEngine(speaking(gate))) as there, there.stream() as one:
        gate.let(3)
        first = await one.next(3)
        async with there.behind(first[0].id) as other:
            gate.open()
            told, same = await asyncio.gather(one.rest(), other.rest())
    assert first[1:] + told == same


async def test_the_place_before_the_first_event_can_be_gone_on_from():
    gate = Gate()
    async with gateway(ScriptedEngine(speaking(gate))) as there:
        async with there.stream() as stream:
            pass
        gate.open()
        assert text_of(events_in((await there.resume(f"{stream.run}:0")).content)) == SAID


async def test_a_run_of_another_client_is_gone():
    async with gateway(ScriptedEngine(), tokens=(TOKEN, OTHER_TOKEN)) as there:
        whole = await there.generate(**bearer(TOKEN))
        theirs = await there.resume(whole[2].id, **bearer(OTHER_TOKEN))
        none = await there.resume("nobody:3", **bearer(OTHER_TOKEN))
        own = await there.resume(whole[2].id, **bearer(TOKEN))
    assert (theirs.status_code, theirs.json()["code"]) == (410, "gone")
    assert (theirs.status_code, theirs.content) == (none.status_code, none.content)
    assert events_in(own.content) == whole[3:]


@pytest.mark.parametrize("id", ["x", ":", "RUN", "RUN:", "RUN:-1", "RUN:99", "RUN:1x", "RUN:٣", "RUN:" + "9" * 5000])
async def test_an_id_that_is_none_is_gone(id):
    async with gateway(ScriptedEngine()) as there:
        run = (await there.generate())[0].id.rpartition(":")[0]
        head = b"GET /api/generate HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nLast-Event-ID: "
        reader, writer = await raw(there.port, head + id.replace("RUN", run).encode() + b"\r\n\r\n")
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 410 ")
    assert b'"code":"gone"' in answer


async def test_a_finished_run_is_forgotten_after_its_time():
    async with gateway(ScriptedEngine(), keep_seconds=0.2) as there:
        whole = await there.generate()
        assert (await there.resume(whole[0].id)).status_code == 200
        async with asyncio.timeout(5):
            while (await there.resume(whole[0].id)).status_code != 410:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


async def test_a_run_is_kept_as_well_where_who_came_after_its_end_leaves_last():
    slots = Slots(1, 1)
    async with Runs(ScriptedEngine(), slots, keep_seconds=30, generation_seconds=30, public=as_it_is) as runs:
        run = runs.begin("somebody", GenerationRequest("Hello"), runs.take_place(), resumes=True)
        early = runs.reading(run, 0)
        early.__enter__()
        await until(lambda: run.has_ended and slots.running == 0)
        with runs.reading(run, 0) as late:
            assert [batch async for batch in late.batches()]
            early.__exit__(None, None, None)
        await asyncio.sleep(0.05)
        assert runs.find("somebody", run.name) is run


async def test_a_lost_run_is_cancelled_after_its_time():
    engine = ScriptedEngine(speaking(Gate()))
    async with gateway(engine, keep_seconds=0.3) as there:
        async with there.stream() as stream:
            await until(lambda: engine.open_streams == 1)
        await asyncio.sleep(0.05)
        assert engine.open_streams == 1
        await until(lambda: engine.open_streams == 0)
        assert (await there.resume(f"{stream.run}:0")).status_code == 410


async def test_who_comes_back_in_time_keeps_the_run_alive():
    gate = Gate()
    engine = ScriptedEngine(speaking(gate))
    async with gateway(engine, keep_seconds=0.4) as there:
        async with there.stream() as stream:
            await until(lambda: engine.open_streams == 1)
        for _ in range(3):
            async with there.behind(f"{stream.run}:0"):
                await asyncio.sleep(0.25)
        async with there.behind(f"{stream.run}:0") as again:
            await asyncio.sleep(0.5)
            gate.open()
            assert text_of(await again.rest()) == SAID


async def test_going_on_does_not_count():
    async with gateway(ScriptedEngine(), rate_limit="1/minute") as there:
        whole = await there.generate()
        answers = [await there.resume(whole[0].id) for _ in range(5)]
        refused = await there.post(asked())
    assert {answer.status_code for answer in answers} == {200}
    assert refused.status_code == 429


async def test_behind_an_end_nothing_comes_also_where_nobody_may_come_back():
    class Lost(ScriptedEngine):
        async def find_features(self, query, limit=None):
            raise Unreachable("gone")

    for engine, query in ((Lost(), "dial=sea=1"), (ScriptedEngine(), "resume=false")):
        async with gateway(engine) as there:
            last = events_in((await there.get(f"/api/generate?prompt=a&{query}")).content)[-1].id
            assert (await there.resume(last)).status_code == 204


async def test_what_is_kept_is_bounded_and_what_ended_first_goes_first(monkeypatch):
    async with gateway(ScriptedEngine()) as there:
        first = (await there.generate())[-1].id
        monkeypatch.setattr(keeping, "KEPT_BYTES_MAX", 3000)  # two runs, and not three
        second, third = [(await there.generate())[-1].id for _ in range(2)]
        assert [(await there.resume(id)).status_code for id in (first, second, third)] == [410, 204, 204]


async def test_with_resume_turned_off_there_is_no_coming_back():
    async with gateway(ScriptedEngine()) as there:
        whole = await there.generate(asked(resume=False))
        assert (await there.resume(whole[0].id)).status_code == 410
