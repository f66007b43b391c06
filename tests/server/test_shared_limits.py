"""Several servers that count in one Redis, a real one, count as one."""

import asyncio
import shutil
import socket
from collections import Counter
from contextlib import asynccontextmanager

import pytest
from scripted_engine import ScriptedEngine
from server.talking import OTHER_TOKEN, PATIENCE, TOKEN, asked, bearer, gateway

REDIS = shutil.which("redis-server")

pytestmark = pytest.mark.skipif(REDIS is None, reason="NO REDIS on this machine: counting together is not tried")


@asynccontextmanager
async def redis_on(port):
    """A Redis that answers, until the block ends."""
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--loglevel", "warning"]
    process = await asyncio.create_subprocess_exec(REDIS, *options, stdout=asyncio.subprocess.DEVNULL)
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    break
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


async def test_of_40_requests_at_once_to_two_servers_exactly_10_begin():
    engines = ScriptedEngine(), ScriptedEngine()
    settings = {"rate_limit": "10/minute", "tokens": (TOKEN, OTHER_TOKEN), "generations": 40}
    async with (
        redis_on(free_port()) as storage,
        gateway(engines[0], storage=storage, **settings) as one,
        gateway(engines[1], storage=storage, **settings) as other,
    ):
        answers = await asyncio.gather(*(there.post(asked(), **bearer(TOKEN)) for there in [one, other] * 20))
        told = [await there.get("/api/info", **bearer(TOKEN)) for there in (one, other)]
        another = await other.post(asked(), **bearer(OTHER_TOKEN))
    assert Counter(answer.status_code for answer in answers) == {200: 10, 429: 30}
    assert sum(len(engine.requests) for engine in engines) == 11  # the other client's is its own
    assert [answer.headers["ratelimit-remaining"] for answer in told] == ["0", "0"]
    assert another.status_code == 200


async def test_while_redis_is_away_nothing_begins_and_when_it_is_back_all_goes_on():
    port = free_port()
    engine = ScriptedEngine()
    async with gateway(engine, storage=f"redis://127.0.0.1:{port}") as there:
        async with redis_on(port):
            before = await there.post(asked())
        away, health = await there.post(asked()), await there.get("/health")
        async with redis_on(port):
            back = await there.post(asked())
    assert [answer.status_code for answer in (before, away, health, back)] == [200, 503, 200, 200]
    assert away.json()["retryAfter"] == int(away.headers["retry-after"])
    assert len(engine.requests) == 2
