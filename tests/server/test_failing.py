"""An engine that fails: before its stream, in it, behind it, never, and in words that say too much."""

import asyncio

import pytest
from scripted_engine import Gate, ScriptedEngine, done, playing, speaking, token, tokens
from server.talking import asked, gateway, names_of, text_of, until

from steer_tui.domain import (
    ActivationEvent,
    ErrorEvent,
    FeatureActivation,
    Lane,
    Overloaded,
    RateLimited,
    Rejected,
    SteerError,
    TimedOut,
    TokenEvent,
    Truncated,
    Unauthorized,
    Unreachable,
)


@pytest.mark.parametrize(
    ("error", "data"),
    [
        (Unreachable("No answer."), {"message": "No answer.", "code": "unreachable"}),
        (
            RateLimited("Slow down.", retry_after=12),
            {"message": "Slow down.", "code": "rate_limited", "retryAfter": 12},
        ),
        (Overloaded("Full."), {"message": "Full.", "code": "overloaded"}),
        (Unauthorized("It wants a key."), {"message": "It wants a key.", "code": "unauthorized"}),
        (Rejected("No such thing."), {"message": "No such thing.", "code": "rejected"}),
        (ValueError("secret"), {"message": "The engine broke: ValueError.", "code": "malformed"}),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("said", [0, 3])
async def test_a_failure_is_an_error_event_behind_what_was_said(error, data, said):
    engine = ScriptedEngine(playing([*tokens("a b c")[:said], error]))
    async with gateway(engine) as there:
        events = await there.generate()
    assert names_of(events) == ["token"] * said + ["error"]
    assert events[-1].data == data
    assert engine.log == ["open 1 steered", "close 1 steered"]


async def test_a_stream_that_just_ends_is_truncated():
    async with gateway(ScriptedEngine(playing(tokens("a b")))) as there:
        events = await there.generate()
    assert events[-1].data["code"] == Truncated("").code


async def test_an_engine_that_cancels_itself_is_truncated():
    class Giving(ScriptedEngine):
        async def stream(self, request):
            yield token("a")
            raise asyncio.CancelledError

    async with gateway(Giving()) as there:
        assert [told.data.get("code") for told in await there.generate()] == [None, Truncated("").code]


async def test_the_servers_own_time_has_a_code_of_its_own():
    late = playing([token("a"), TimedOut("The service was late.")])
    async with gateway(ScriptedEngine(speaking(Gate())), generation_seconds=0.05) as there:
        [ours] = await there.generate()
    async with gateway(ScriptedEngine(late)) as there:
        *_, theirs = await there.generate()
    assert (ours.data["code"], theirs.data["code"]) == ("out_of_time", "timed_out")


async def test_what_is_no_number_leaves_the_json_whole():
    nan, inf = float("nan"), float("inf")
    read = ActivationEvent(0, Lane.STEERED, (FeatureActivation("f", "f", nan), FeatureActivation("g", "g", 1.0)))
    async with gateway(ScriptedEngine(playing([TokenEvent("a", 0, Lane.STEERED, -inf), read, done()]))) as there:
        answer = await there.post(asked())
    assert b"NaN" not in answer.content
    assert b"Infinity" not in answer.content
    assert b'"features":[{"id":"g","label":"g","activation":1.0}]' in answer.content


async def test_a_failure_behind_the_last_done_is_nobodys():
    async with gateway(ScriptedEngine(playing([*tokens("a"), done(), Unreachable("late")]))) as there:
        assert names_of(await there.generate()) == ["token", "done"]


async def test_one_lanes_failure_does_not_end_the_other():
    failed = ErrorEvent("This lane cannot.", "rejected", lane=Lane.DEFAULT)
    async with gateway(ScriptedEngine(playing([token("a"), failed, token("b", 1), done()]))) as there:
        events = await there.generate(asked(lanes=["steered", "default"]))
    assert names_of(events) == ["token", "error", "token", "done"]
    assert events[1].data["lane"] == "default"


async def test_a_look_up_that_fails_is_an_error_event_too():
    class Lost(ScriptedEngine):
        async def find_features(self, query, limit=None):
            raise Unreachable("The service at https://user:pass@inner.example/v1 is gone.")

    async with gateway(Lost()) as there:
        events = await there.generate(asked(features=[{"label": "sea", "value": 1}]))
        listed = await there.get("/api/features")
    assert [told.data for told in events] == [
        {"message": "The service at (an address) is gone.", "code": "unreachable"},
    ]
    assert (listed.status_code, listed.json()) == (
        502,
        {"error": "The service at (an address) is gone.", "code": "unreachable"},
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("No file /home/lab/secret/vector.gguf is there.", "No file (a path) is there."),
        ("It is at ~/vectors/a.npz, they say", "It is at (a path), they say"),
        (r"C:\Users\lab\a.gguf is broken", "(a path) is broken"),
        ("Ask http://10.0.0.3:5002/v1/steer?key=1 again.", "Ask (an address) again."),
        ("stories-2M/2-sae/123 says 3 tokens/second and 1/2.", "stories-2M/2-sae/123 says 3 tokens/second and 1/2."),
    ],
)
async def test_addresses_and_paths_stay_on_the_servers_side(said, told):
    async with gateway(ScriptedEngine(playing([Rejected(said)]))) as there:
        [event] = await there.generate()
    assert event.data["message"] == told


async def test_a_generation_that_takes_too_long_is_ended():
    engine = ScriptedEngine(playing([token("a"), asyncio.Event()]))
    async with gateway(engine, generation_seconds=0.2) as there:
        events = await there.generate()
        await until(lambda: engine.open_streams == 0)
    assert text_of(events) == "a"
    assert events[-1].data["code"] == "out_of_time"


async def test_an_engine_that_lingers_behind_its_end_holds_its_place_and_not_its_reader():
    gate = Gate()

    class Lingering(ScriptedEngine):
        async def stream(self, request):
            try:
                async for event in super().stream(request):
                    yield event
            finally:
                await gate.wait()

    engine = Lingering(playing([token("a"), done()]))
    async with gateway(engine) as there:
        assert names_of(await there.generate()) == ["token", "done"]
        assert (await there.info())["generations"]["running"] == 1
        gate.open()
        async with asyncio.timeout(5):
            while (await there.info())["generations"]["running"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_a_fault_of_our_own_is_a_500_of_the_same_shape(caplog):
    class Broken(ScriptedEngine):
        async def find_features(self, query, limit=None):
            raise RuntimeError("/secret/path")

    async with gateway(Broken()) as there:
        answer = await there.get("/api/features")
        again = await there.get("/health")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text
    assert again.status_code == 200
    assert answer.headers["ratelimit-limit"] == "100000"
    assert [record.getMessage().partition(",")[0] for record in caplog.records if record.levelname == "ERROR"] == [
        "a request broke: RuntimeError in test_failing.py"
    ]


def test_the_errors_of_the_family_have_the_codes_that_travel():
    assert {kind("").code for kind in SteerError.__subclasses__()} >= {"unreachable", "timed_out", "rate_limited"}
