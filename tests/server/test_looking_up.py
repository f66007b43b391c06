"""Look-ups in the engine: so many at once, within a time, and none for who has left."""

import asyncio
import json

from scripted_engine import ExplainingEngine, Gate, ScriptedEngine, speaking
from server.talking import PATIENCE, asked, gateway, raw, raw_post, until

from steer_tui.domain import Feature
from steer_tui.generation import patience
from steer_tui.server.looking_up import AT_ONCE, is_gone

SEA = [{"label": "sea", "value": 1}]


class SlowToFind(ScriptedEngine):
    """Finds features when the gate lets it, and keeps account."""

    def __init__(self, gate):
        super().__init__(speaking(Gate()))
        self._gate = gate
        self.looking = self.most_looking = self.looked = 0

    async def find_features(self, query, limit=None):
        self.looking += 1
        self.looked += 1
        self.most_looking = max(self.looking, self.most_looking)
        try:
            await self._gate.wait()
        finally:
            self.looking -= 1
        return await super().find_features(query, limit)


async def test_so_many_are_made_at_once():
    engine = SlowToFind(gate := Gate())
    async with gateway(engine) as there:
        asking = [asyncio.create_task(there.get("/api/features")) for _ in range(3 * AT_ONCE)]
        await until(lambda: engine.looking == AT_ONCE)
        gate.open()
        assert {answer.status_code for answer in await asyncio.gather(*asking)} == {200}
    assert engine.most_looking == AT_ONCE


async def test_all_of_one_has_one_time(monkeypatch):
    monkeypatch.setattr(patience, "SECONDS", 0.05)

    class Dawdling(ExplainingEngine):
        async def evidence(self, feature):
            await asyncio.sleep(0.02)
            return await super().evidence(feature)

    async with gateway(Dawdling({})) as there:
        assert (await there.get("/api/features")).status_code == 504


async def test_where_each_feature_is_explained_a_page_is_short():
    engine = ExplainingEngine({}, features=[Feature(f"m/1/{number}", f"f{number}", 1.0) for number in range(300)])
    async with gateway(engine) as there:
        told = (await there.get("/api/features?limit=300")).json()
    assert (len(told["features"]), told["nextOffset"], len(engine.asked_for)) == (100, 100, 100)


async def test_who_has_left_is_looked_up_nothing_and_begins_and_counts_nothing():
    engine = SlowToFind(Gate())
    async with gateway(engine, rate_limit="10/minute") as there:
        _, listing = await raw(there.port, b"GET /api/features HTTP/1.1\r\nHost: localhost\r\n\r\n")
        _, generating = await raw(there.port, raw_post(json.dumps(asked(features=SEA)).encode()))
        await until(lambda: engine.looking == 2)
        listing.close()
        generating.close()
        await until(lambda: engine.looking == 0)
        left = (await there.get("/api/info")).headers["ratelimit-remaining"]
        info = await there.info()
    assert (engine.looked, engine.requests, left) == (2, [], "10")
    assert info["generations"]["running"] == 0


async def test_whether_a_client_has_left_is_known_without_waiting():
    messages = [{"type": "http.request"}, {"type": "http.disconnect"}]

    async def left():
        return messages.pop(0)

    assert (await is_gone(asyncio.Event().wait), await is_gone(left)) == (False, True)


async def test_one_that_lasts_does_not_hold_the_end_up():
    engine = SlowToFind(Gate())
    async with asyncio.timeout(PATIENCE):
        async with gateway(engine) as there:
            asking = asyncio.create_task(there.get("/api/features"))
            await until(lambda: engine.looking == 1)
    await asyncio.gather(asking, return_exceptions=True)
    assert engine.looking == 0
