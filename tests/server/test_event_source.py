"""A browser's own EventSource: names, the end, a lost connection, and the token in the address."""

import pytest
from scripted_engine import ScriptedEngine, done, speaking, tokens
from server.browsing import CHROMIUM, Browser, Cut, Line
from server.talking import TOKEN, gateway

from steer_tui.domain import Overloaded

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="NO BROWSER: install `chromium` to try a real EventSource")

TEXT = "the sea was calm and the night was long"


async def test_events_come_by_name_and_what_comes_back_after_the_end_is_told_to_stop():
    def script(request):
        if request.prompt == "broken":
            return [*tokens("once upon"), Overloaded("The engine is full.", retry_after=7.0)]
        return speaking(text=TEXT)(request)

    engine = ScriptedEngine(script)
    async with Browser() as browser, gateway(engine, origins=(browser.origin,)) as there:
        whole = "prompt=whole&dial=sea=2.5&returnActivations=true&lanes=steered&lanes=default&maxTokens=5"
        seen = await browser.follow(there.url, {"whole": whole, "broken": "prompt=broken"})
    whole, broken = seen["whole"], seen["broken"]
    assert whole.names == ["token", "activation"] * 10 + ["done", "done"]
    assert whole.numbers == list(range(1, 23))
    assert [told["data"]["lane"] for told in whole.events[-2:]] == ["steered", "default"]
    assert whole.events[1]["data"]["features"][0]["label"] == "sea"
    assert broken.names == ["token", "token", "error"]
    assert broken.events[-1]["data"] == {"message": "The engine is full.", "code": "overloaded", "retryAfter": 7.0}
    # Each came back once behind its end, and stayed away then: nothing was generated twice.
    assert [(each.opened, each.lost) for each in (whole, broken)] == [(1, 1), (1, 1)]
    assert sorted(request.prompt for request in engine.requests) == ["broken", "whole"]


async def test_a_connection_that_is_cut_is_resumed_by_the_browser_with_no_event_twice_and_none_lost():
    cuts = {
        "before the first": Cut(1),
        "in the first": Cut(1, octets=25),
        "in the middle": Cut(5),
        "in an event": Cut(6, octets=40),
        "before the end": Cut(10),
        "behind the end": Cut(11),
    }
    slowly = [step for word in tokens(TEXT) for step in (word, 0.02)]
    engine = ScriptedEngine(lambda _: [*slowly, done()])
    async with (
        Browser() as browser,
        gateway(
            engine, tokens=(TOKEN,), origins=(browser.origin,), generations=len(cuts), rate_limit="6/minute"
        ) as there,
        Line(there.port, cuts) as line,
    ):
        queries = {name: f"prompt={name.replace(' ', '+')}" for name in cuts}
        seen = await browser.follow(line.url, queries, token=TOKEN)
    for name in cuts:
        assert seen[name].text == TEXT, name
        assert seen[name].names == ["token"] * 9 + ["done"], name
        assert seen[name].numbers == list(range(1, 11)), name
        begun, back, *rest = line.came[name]
        assert (begun, back.rpartition(":")[2]) == ("", str(cuts[name].events - 1)), name
        assert len(rest) == (1 if cuts[name].events < 11 else 0), name
    # Of a limit of 6 there was nothing left: coming back does not count.
    assert sorted(request.prompt for request in engine.requests) == sorted(cuts)


async def test_a_page_whose_origin_was_not_named_and_a_token_that_was_not_made_here_begin_nothing():
    engine = ScriptedEngine()
    async with Browser() as browser, gateway(engine, origins=("https://lab.example",)) as there:
        seen = await browser.follow(there.url, {"foreign": "prompt=a"})
    assert (seen["foreign"].events, seen["foreign"].opened) == ([], 0)
    async with Browser() as browser, gateway(engine, tokens=(TOKEN,), origins=(browser.origin,)) as there:
        seen = await browser.follow(there.url, {"without": "prompt=a", "forged": "prompt=a&token=1.token:1.00"})
    assert [(each.events, each.opened) for each in seen.values()] == [([], 0), ([], 0)]
    assert engine.requests == []
