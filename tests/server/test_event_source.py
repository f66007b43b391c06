"""A browser's own EventSource: names, the end, a lost connection, and the token in the address.

One page opens every source that is looked at here, because the browser takes longest to start.
"""

import asyncio
from dataclasses import dataclass

import pytest
from scripted_engine import ScriptedEngine, done, speaking, tokens
from server.browsing import CHROMIUM, Browser, Cut, Line, Seen
from server.talking import TOKEN, gateway

from steer_tui.domain import Overloaded

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="NO BROWSER: install `chromium` to try a real EventSource")

TEXT = "the sea was calm and the night was long"

CUTS = {
    "before the first": Cut(1),
    "in the first": Cut(1, octets=25),
    "in the middle": Cut(5),
    "in an event": Cut(6, octets=40),
    "before the end": Cut(10),
    "behind the end": Cut(11),
}


@dataclass(frozen=True)
class Visit:
    """What a page saw, what the engine behind all gateways was asked, and who came to the one that is cut off."""

    seen: dict[str, Seen]
    prompts: list[str]
    came: dict[str, list[str]]


def script(request):
    if request.prompt == "whole":
        return speaking(text=TEXT)(request)
    if request.prompt == "broken":
        return [*tokens("once upon"), Overloaded("The engine is full.", retry_after=7.0)]
    return [*(step for word in tokens(TEXT) for step in (word, 0.02)), done()]


async def visited() -> Visit:
    engine = ScriptedEngine(script)
    guard = {"tokens": (TOKEN,), "generations": len(CUTS), "rate_limit": "6/minute"}
    async with (
        Browser() as browser,
        gateway(engine, origins=(browser.origin,)) as there,
        gateway(engine, origins=("https://lab.example",)) as elsewhere,
        gateway(engine, origins=(browser.origin,), **guard) as guarded,
        Line(guarded.port, CUTS) as line,
    ):
        dialled = "dial=sea=2.5&returnActivations=true&lanes=steered&lanes=default&maxTokens=5"
        sources = {
            "whole": f"{there.url}/api/generate?prompt=whole&{dialled}",
            "broken": f"{there.url}/api/generate?prompt=broken",
            "foreign": f"{elsewhere.url}/api/generate?prompt=foreign",
            "without": f"{guarded.url}/api/generate?prompt=without",
            "forged": f"{guarded.url}/api/generate?prompt=forged&token=1.token:1.00",
            **{name: f"{line.url}/api/generate?prompt={name.replace(' ', '+')}&token=PASS" for name in CUTS},
        }
        seen = await browser.follow(sources, guarded=guarded.url, token=TOKEN)
        return Visit(seen, [request.prompt for request in engine.requests], line.came)


@pytest.fixture(scope="module")
def visit() -> Visit:
    return asyncio.run(visited())


def test_events_come_by_name_and_what_comes_back_after_the_end_is_told_to_stop(visit):
    whole, broken = visit.seen["whole"], visit.seen["broken"]
    assert whole.names == ["token", "activation"] * 10 + ["done", "done"]
    assert whole.numbers == list(range(1, 23))
    assert [told["data"]["lane"] for told in whole.events[-2:]] == ["steered", "default"]
    assert whole.events[1]["data"]["features"][0]["label"] == "sea"
    assert broken.names == ["token", "token", "error"]
    assert broken.events[-1]["data"] == {"message": "The engine is full.", "code": "overloaded", "retryAfter": 7.0}
    # Each came back once behind its end, and stayed away then: nothing was generated twice.
    assert [(each.opened, each.lost) for each in (whole, broken)] == [(1, 1), (1, 1)]
    assert (visit.prompts.count("broken"), visit.prompts.count("whole")) == (1, 1)


def test_a_connection_that_is_cut_is_resumed_by_the_browser_with_no_event_twice_and_none_lost(visit):
    for name, cut in CUTS.items():
        seen = visit.seen[name]
        assert (seen.text, seen.names) == (TEXT, ["token"] * 9 + ["done"]), name
        assert seen.numbers == list(range(1, 11)), name
        begun, back, *rest = visit.came[name]
        assert (begun, back.rpartition(":")[2]) == ("", str(cut.events - 1)), name
        assert len(rest) == (1 if cut.events < 11 else 0), name
        # Of a limit of 6 there was nothing left: coming back does not count.
        assert visit.prompts.count(name) == 1, name


def test_a_page_whose_origin_was_not_named_and_a_token_that_was_not_made_here_begin_nothing(visit):
    refused = ("foreign", "without", "forged")
    assert [(visit.seen[name].events, visit.seen[name].opened) for name in refused] == [([], 0)] * 3
    assert not {*refused} & {*visit.prompts}
