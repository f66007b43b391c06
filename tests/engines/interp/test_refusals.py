"""Everything that the server refuses with, and what a look at it tells."""

import pytest
from engines.collecting import failure_of
from engines.interp.asking import DEFAULT, asked
from engines.interp.box import MODEL, Box, Refused
from engines.interp.conftest import Open
from loopback import Call, Handler

from steer_tui.engines.directions.directions import Directions
from steer_tui.engines.interp import Interp, diagnosis
from steer_tui.engines.interp.serving import remote
from steer_tui.engines.interp.serving.remote import Remote


async def loads(call: Call) -> None:
    await call.answer_json({"status": "loading", "model": MODEL}, 503)


async def failed(call: Call) -> None:
    await call.answer_json({"status": "failed", "model": MODEL, "error": "CUDA error"}, 503)


@pytest.mark.parametrize(
    ("refused", "code", "says", "passing"),
    [
        (Refused(422, "resid_mid is not writable here"), "rejected", "resid_mid is not writable here", False),
        (
            Refused(422, [{"loc": ["body", "seed"], "msg": "Input should be an integer"}]),
            "rejected",
            "seed: Input",
            False,
        ),
        (Refused(404, "Not Found"), "unsupported", "nothing at the path", False),
        (Refused(500, None), "rejected", "failed on the request", False),
        (Refused(503, "the model is still loading"), "overloaded", "still loading its model", True),
        (Refused(503, "the worker is away"), "overloaded", "no room for this request: the worker is away", True),
        (Refused(502, ""), "unreachable", "cannot reach the server behind it", True),
    ],
)
async def test_a_refusal_is_a_sentence(open_at: Open, refused: Refused, code: str, says: str, passing: bool) -> None:
    engine = await open_at(box := Box())
    await engine.prepare()
    box.problem = refused
    events, error = await failure_of(engine, asked(lanes=DEFAULT))
    assert (events, error.code, error.passing) == ([], code, passing)
    assert says in error.message


async def test_a_full_queue_is_told_with_its_time_and_without_forgetting_the_server(open_at: Open) -> None:
    engine = await open_at(box := Box())
    await engine.prepare()
    box.problem = Refused(503, "64 requests already wait for a slot", **{"Retry-After": "1"})
    _, error = await failure_of(engine, asked(lanes=DEFAULT))
    assert (error.code, error.retry_after, error.passing) == ("overloaded", 1.0, True)
    box.problem = None
    await engine.prepare()
    assert len(box.asked("/v1/describe")) == 1


async def test_a_server_that_is_away_is_looked_at_before_it_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "TRUST_SECONDS", 0.0)
    box = Box()
    async with box.server:
        engine = Interp(Remote(box.server.url), directions=Directions(), with_canary=False)
        await engine.prepare()
        box.problem = Refused(503, "the worker is away")
        await failure_of(engine, asked(lanes=DEFAULT))
        box.server.routes["GET /health"] = failed
        _, error = await failure_of(engine, asked(lanes=DEFAULT))
        await engine.aclose()
    assert (error.code, error.passing) == ("rejected", False)
    assert "could not load tiny/three-layers: CUDA error" in error.message


@pytest.mark.parametrize(("given", "says"), [(None, "none is set"), ("wrong", "does not accept this token")])
async def test_a_token_is_wanted(open_at: Open, given: str | None, says: str) -> None:
    engine = await open_at(Box(token="right"), token=given)
    _, error = await failure_of(engine, asked(lanes=DEFAULT))
    assert error.code == "unauthorized"
    assert says in error.message
    assert "INTERP_ENGINE_SERVER_TOKEN" in error.hint
    assert "wrong" not in error.message


async def test_the_right_token_opens_everything(open_at: Open) -> None:
    engine = await open_at(box := Box(token="right"), token="right")
    await engine.reread("the sea", [])
    found = await engine.diagnose()
    assert (found.address, found.is_reachable, found.has_key) == (box.server.url, True, True)
    assert (found.model, found.quota, found.problem) == ("tiny/three-layers", None, None)


async def test_a_look_tells_what_is_wrong(open_at: Open) -> None:
    locked = await (await open_at(Box(token="right"))).diagnose()
    assert (locked.is_reachable, locked.has_key) == (True, False)
    assert "none is set" in (locked.problem or "")
    other = await (await open_at(Box(), model="gemma-2-2b")).diagnose()
    assert (other.model, other.is_reachable) == ("tiny/three-layers", True)
    assert "gemma-2-2b is set" in (other.problem or "")
    box = Box()
    gone = await open_at(box)
    await box.server.__aexit__(None)
    lost = await gone.diagnose()
    assert (lost.address, lost.is_reachable) == (box.server.url, False)
    await box.server.__aenter__()


@pytest.mark.parametrize(
    ("handler", "is_reachable", "says"),
    [(loads, True, "is not ready yet: the server loads tiny/three-layers."), (Call.silence, False, "did not answer")],
    ids=["loading", "silent"],
)
async def test_a_look_tells_a_server_that_loads_from_one_that_is_silent(
    handler: Handler, is_reachable: bool, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "LOOK_SECONDS", 0.3)
    box = Box()
    box.server.routes["GET /health"] = handler
    async with box.server:
        engine = Interp(Remote(box.server.url), directions=Directions())
        found = await engine.diagnose()
        await engine.aclose()
    assert (found.address, found.is_reachable) == (box.server.url, is_reachable)
    assert says in (found.problem or "")


async def test_an_address_that_is_none_is_a_look_that_says_so() -> None:
    engine = Interp(Remote("localhost:8000"), directions=Directions())
    found = await engine.diagnose()
    assert found.address is None
    assert "http://" in (found.problem or "")
    await engine.aclose()


@pytest.mark.parametrize("told", [None, 0, 10**13])
async def test_an_answer_that_is_not_the_protocol_is_named_by_its_field(open_at: Open, told: int | None) -> None:
    box = Box()
    box.told["description"]["n_layers"] = told
    _, error = await failure_of(await open_at(box), asked(lanes=DEFAULT))
    assert error.code == "malformed"
    assert "description.n_layers" in error.message


async def test_a_closed_engine_says_so(open_at: Open) -> None:
    engine = await open_at(Box())
    await engine.prepare()
    await engine.aclose()
    await engine.aclose()
    _, error = await failure_of(engine, asked(lanes=DEFAULT))
    assert "closed" in error.message


async def test_projections_of_another_shape_are_not_taken(open_at: Open) -> None:
    async def short(call: Call) -> None:
        await call.answer_json({"activations": {"resid_post.0": {"dtype": "float32", "shape": [1, 4], "data": ""}}})

    box = Box()
    box.server.routes["POST /v1/capture"] = short
    engine = await open_at(box)
    with pytest.raises(Exception, match="did not send the residual stream"):
        await engine.capture("the sea", [0], chat=False)
