"""The key line: at every width it shows whole keys, those that matter most where the focus is."""

import pytest
from fake_time import FakeTime
from scripted_engine import ScriptedEngine, playing
from stage import laid_out, make_app, pane, rack, until
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets._footer import FooterKey

from steer_tui.domain import RateLimited
from steer_tui.tui.widgets.key_line import KeyLine
from steer_tui.tui.widgets.prompt import PromptBox

PROMPT = {"generate", "new line", "dials", "cancel"}
DIALS = {"turn", "generate", "cancel", "live", "add", "help"}
PANE = {"copy", "generate", "cancel", "live", "add", "help"}


def keys(pilot: Pilot[None]) -> list[FooterKey]:
    return list(pilot.app.screen.query(FooterKey))


def shown(pilot: Pilot[None]) -> set[str]:
    return {key.description for key in keys(pilot)}


def focusable(pilot: Pilot[None], name: str) -> Widget:
    found = {"prompt": pilot.app.screen.query_one(PromptBox), "dials": rack(pilot), "pane": pane(pilot)}
    return found[name]


@pytest.mark.parametrize(
    ("width", "focus", "wanted"),
    [
        (40, "prompt", {"generate"}),
        (40, "dials", {"turn", "generate"}),
        (60, "prompt", PROMPT),
        (60, "dials", DIALS),
        (60, "pane", PANE),
        (80, "prompt", PROMPT),
        (80, "dials", DIALS | {"features", "sweep"}),
        (80, "pane", PANE | {"features"}),
        (120, "dials", DIALS | {"features", "sweep", "dial", "off", "auto", "sampling", "mute"}),
        (120, "pane", PANE | {"features", "sweep", "auto", "sampling", "new seed"}),
    ],
)
async def test_the_most_wanted_keys_are_shown_and_none_is_cut(width: int, focus: str, wanted: set[str]) -> None:
    async with make_app(auto=False).run_test(size=(width, 24)) as pilot:
        await laid_out(pilot)
        focusable(pilot, focus).focus()
        await until(pilot, lambda: wanted | {"palette"} <= shown(pilot))
        *others, palette = sorted(keys(pilot), key=lambda key: key.region.x)
        assert palette.description == "palette"
        assert palette.region.right == width
        for key, following in zip(others, [*others[1:], palette], strict=True):
            assert key.region.right <= following.region.x
            assert key.region.width >= len(f"{key.key_display} {key.description}")


async def test_a_wider_terminal_shows_more_and_a_narrower_one_less() -> None:
    async with make_app(auto=False).run_test(size=(120, 24)) as pilot:
        await laid_out(pilot)
        rack(pilot).focus()
        await until(pilot, lambda: "mute" in shown(pilot))
        await pilot.resize_terminal(60, 24)
        await until(pilot, lambda: shown(pilot) == DIALS | {"palette"})
        await pilot.resize_terminal(120, 24)
        await until(pilot, lambda: "mute" in shown(pilot))


async def test_what_can_be_done_about_a_wait_comes_before_all_others() -> None:
    limited = ScriptedEngine(playing([RateLimited("Too many requests.", retry_after=600)]))
    async with make_app(limited, FakeTime()).run_test(size=(40, 24)) as pilot:
        await laid_out(pilot)
        await pilot.press("enter", "tab")
        await until(pilot, lambda: "now" in shown(pilot))


async def test_every_key_that_is_shown_can_be_clicked() -> None:
    async with make_app(auto=False).run_test(size=(60, 20)) as pilot:
        await laid_out(pilot)
        await until(pilot, lambda: "dials" in shown(pilot))
        (dials,) = (key for key in pilot.app.screen.query_one(KeyLine).query(FooterKey) if key.description == "dials")
        await pilot.click(dials)
        await until(pilot, lambda: rack(pilot).has_focus)
