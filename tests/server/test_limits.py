"""The rate limit: for each client by itself, and told with every answer."""

import asyncio
import time

import pytest
from limits.aio.storage import MovingWindowSupport, Storage
from scripted_engine import ScriptedEngine
from server.talking import OTHER_TOKEN, TOKEN, asked, bearer, events_in, gateway, text_of

from steer_tui.domain import InvalidValue
from steer_tui.server import ServeSettings, limiting
from steer_tui.server.limiting import Limiter

HEADERS = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy")


async def test_a_refusal_says_when_to_come_back():
    async with gateway(ScriptedEngine(), rate_limit="1/minute") as there:
        await there.generate()
        answer = await there.post(asked())
    told = answer.json()
    assert answer.status_code == 429
    assert (told["code"], told["retryAfter"]) == ("rate_limited", int(answer.headers["retry-after"]))
    assert 55 <= told["retryAfter"] <= 60
    assert told["error"]
    assert answer.headers["ratelimit-remaining"] == "0"


async def test_the_window_slides():
    async with gateway(ScriptedEngine(), rate_limit="2/second") as there:
        assert [(await there.post(asked())).status_code for _ in range(3)] == [200, 200, 429]
        await asyncio.sleep(1.05)
        assert (await there.post(asked())).status_code == 200


async def test_every_answer_tells_what_is_left():
    asks = [
        ("GET", "/health", {}),
        ("GET", "/nothing", {}),
        ("PUT", "/api/info", {}),
        ("POST", "/api/generate", {"content": b"{", "headers": {"content-type": "application/json"}}),
        ("POST", "/api/generate", {"content": b"{"}),
        ("GET", "/api/generate", {}),
        ("DELETE", "/api/generate/nobody", {}),
        ("GET", "/api/info", {"headers": {"host": "elsewhere.example"}}),
        ("OPTIONS", "/api/generate", {}),
        ("GET", "/api/generate", {"headers": {"last-event-id": "nobody:1"}}),
    ]
    async with gateway(ScriptedEngine(), rate_limit="10/minute") as there:
        await there.generate()
        for method, path, more in asks:
            answer = await there.client.request(method, path, **more)
            limit, remaining, reset, policy = (answer.headers[name] for name in HEADERS)
            assert (limit, remaining, policy) == ("10", "9", "10;w=60")
            assert 0 < int(reset) <= 60


async def test_a_token_that_is_wrong_or_missing_is_told_too():
    async with gateway(ScriptedEngine(), tokens=(TOKEN,)) as there:
        answer = await there.get("/api/info")
    assert answer.status_code == 401
    assert all(name in answer.headers for name in HEADERS)


async def test_each_token_is_a_client_of_its_own():
    async with gateway(ScriptedEngine(), tokens=(TOKEN, OTHER_TOKEN), rate_limit="1/minute") as there:
        one = [(await there.post(asked(), **bearer(TOKEN))).status_code for _ in range(2)]
        other = (await there.post(asked(), **bearer(OTHER_TOKEN))).status_code
    assert (one, other) == ([200, 429], 200)


async def test_what_is_refused_for_its_content_does_not_count():
    async with gateway(ScriptedEngine(), rate_limit="2/minute") as there:
        for body in ({"prompt": ""}, asked(features=[{"label": "nothing", "value": 1}]), asked(method="ablate")):
            assert (await there.post(body)).status_code == 422
        assert (await there.get("/health")).headers["ratelimit-remaining"] == "2"


async def test_an_event_source_asks_with_a_short_lived_token_in_its_address():
    async with gateway(ScriptedEngine(), tokens=(TOKEN,), rate_limit="1/minute") as there:
        made = (await there.client.post("/api/token", headers=bearer(TOKEN))).json()
        assert made["expiresIn"] > 60
        assert TOKEN not in made["token"]
        first = await there.get(f"/api/generate?prompt=a&token={made['token']}")
        again = await there.get(f"/api/generate?prompt=a&token={made['token']}")
        same = await there.post(asked(), **bearer(TOKEN))
        last = events_in(first.content)[-1].id
        after = await there.client.get(f"/api/generate?prompt=a&token={made['token']}", headers={"Last-Event-ID": last})
        elsewhere = [await there.get(f"{path}?token={made['token']}") for path in ("/api/info", "/api/features")]
        renewed = await there.client.post(f"/api/token?token={made['token']}")
    assert text_of(events_in(first.content))
    assert (again.status_code, same.status_code, after.status_code) == (429, 429, 204)
    assert {answer.status_code for answer in [*elsewhere, renewed]} == {401}


@pytest.mark.parametrize(
    "storage", ["nothing://", "memcached://localhost:1", "redis", "postgres://user:hunter2@host", ""]
)
def test_a_storage_that_cannot_be_is_told_without_its_address(storage):
    with pytest.raises(InvalidValue) as told:
        Limiter("1/minute", storage)
    assert "hunter2" not in str(told.value)


async def test_a_storage_that_is_lost_begins_nothing_and_answers_the_rest():
    async with gateway(ScriptedEngine(), storage="redis://127.0.0.1:1") as there:
        refused = await there.post(asked())
        health = await there.get("/health")
    assert (refused.status_code, health.status_code) == (503, 200)
    assert "retry-after" in refused.headers
    assert health.headers["ratelimit-policy"] == "100000;w=60"


class Silent(Storage, MovingWindowSupport):
    """A storage that does not answer."""

    STORAGE_SCHEME = ["async+silent"]
    base_exceptions = OSError

    async def acquire_entry(self, key, limit, expiry, amount=1):
        await asyncio.Event().wait()

    async def get_moving_window(self, key, limit, expiry):
        await asyncio.Event().wait()

    incr = get = get_expiry = check = reset = clear = acquire_entry


async def test_a_storage_that_does_not_answer_begins_nothing_and_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(limiting, "STORAGE_SECONDS", 0.05)
    engine = ScriptedEngine()
    async with gateway(engine, storage="silent://", generations=1, queue=0) as there:
        refused = [(await there.post(asked())).status_code for _ in range(2)]
        told = [await there.get(path) for path in ("/api/info", "/health")]
    assert (refused, [answer.status_code for answer in told], engine.requests) == ([503, 503], [200, 200], [])


async def test_memory_counts_also_while_the_process_is_busy(monkeypatch):
    monkeypatch.setattr(limiting, "STORAGE_SECONDS", 0.01)
    limiter = Limiter("1000/minute", "memory://")

    async def busy():
        while True:
            time.sleep(0.02)  # noqa: ASYNC251  # as many generations at once take the loop's time
            await asyncio.sleep(0)

    working = asyncio.create_task(busy())
    for _ in range(10):
        await asyncio.sleep(0)
        await limiter.count("somebody")
    working.cancel()
    assert (await limiter.standing("somebody")).remaining == 990


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "0.0.0.0"},
        {"host": "gpu-box"},
        {"host": "::"},
        {"rate_limit": "often"},
        {"rate_limit": "0/minute"},
        {"rate_limit": "10/minute;5/second"},
        {"keep_seconds": float("nan")},
        {"port": 70000},
        {"generations": 0},
        {"queue": -1},
        {"keep_seconds": -1},
        {"origins": ("*",)},
        {"origins": ("https://a.example/",)},
        {"trusted_proxies": ("proxy",)},
        {"tokens": ("short",)},
        {"tokens": ("with space in",)},
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(InvalidValue):
        ServeSettings(**wrong)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1", "[::1]"])
def test_this_machine_needs_no_token(host):
    ServeSettings(host=host)


def test_elsewhere_a_token_is_enough():
    ServeSettings(host="0.0.0.0", tokens=(TOKEN,))
