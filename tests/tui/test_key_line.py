"""The key line: at every width it shows whole keys, those that matter most where the focus is."""

from itertools import pairwise

from fake_time import FakeTime
from hypothesis import given
from hypothesis import strategies as st
from scripted_engine import ScriptedEngine, playing
from stage import laid_out, make_app, pane, rack, until
from textual.pilot import Pilot
from textual.widget import Widget

from steer_tui.domain import RateLimited
from steer_tui.tui.widgets.key_line import KeyLine, LineKey, PlacedKey, placed
from steer_tui.tui.widgets.prompt import PromptBox

PROMPT = {"generate", "new line", "dials", "cancel"}
DIALS = {"turn", "generate", "cancel", "live", "add", "help"}
PANE = {"copy", "generate", "cancel", "live", "add", "help"}


def keys(pilot: Pilot[None]) -> tuple[PlacedKey, ...]:
    return pilot.app.screen.query_one(KeyLine).placed


def shown(pilot: Pilot[None]) -> set[str]:
    return {place.key.description for place in keys(pilot)}


def drawn(pilot: Pilot[None]) -> str:
    return pilot.app.screen.query_one(KeyLine).render().plain


def focusable(pilot: Pilot[None], name: str) -> Widget:
    found = {"prompt": pilot.app.screen.query_one(PromptBox), "dials": rack(pilot), "pane": pane(pilot)}
    return found[name]


WANTED = {
    40: {"prompt": {"generate"}, "dials": {"turn", "generate"}},
    120: {
        "dials": DIALS | {"features", "sweep", "dial", "off", "auto", "sampling", "mute"},
        "pane": PANE | {"features", "sweep", "auto", "sampling", "new seed"},
    },
    80: {"prompt": PROMPT, "dials": DIALS | {"features", "sweep"}, "pane": PANE | {"features"}},
    60: {"prompt": PROMPT, "pane": PANE, "dials": DIALS},
}
"""What is wanted at a width, by what has the focus; the terminal grows first and then shrinks."""


async def test_the_most_wanted_keys_are_shown_and_none_is_cut_however_wide_the_terminal_becomes() -> None:
    async with make_app(auto=False).run_test(size=(40, 24)) as pilot:
        for width, wanted_by_focus in WANTED.items():
            await pilot.resize_terminal(width, 24)
            await laid_out(pilot)
            for focus, wanted in wanted_by_focus.items():
                focusable(pilot, focus).focus()
                await until(pilot, lambda wanted=wanted: wanted | {"palette"} <= shown(pilot))
                line = drawn(pilot)
                assert (focus, len(line)) == (focus, width)
                assert line.endswith("▏^p palette")
                for place in keys(pilot):
                    assert line[place.start : place.end] == f"{place.key.display} {place.key.description}"
        assert shown(pilot) == DIALS | {"palette"}


KEYS = st.lists(
    st.builds(
        lambda name, display: LineKey(display, display, name, name),
        st.text("abc ", min_size=1, max_size=12),
        st.sampled_from(["⏎", "esc", "^p"]),
    ),
    unique_by=lambda key: key.action,
    max_size=12,
)


@given(KEYS, st.booleans(), st.integers(0, 140))
def test_keys_keep_their_order_and_a_cell_between_them_and_the_palette_the_right_end(
    others: list[LineKey], has_palette: bool, width: int
) -> None:
    palette = LineKey("ctrl+p", "^p", "palette", "command_palette")
    line = placed([palette, *others] if has_palette else others, [key.action for key in others[::2]], width)
    assert all(before.end < after.start for before, after in pairwise(line))
    assert all(place.start >= 0 and place.end <= width for place in line)
    named = [place.key for place in line if place.key is not palette]
    assert named == [key for key in others if key in named]
    if has_palette and width >= palette.width:
        assert line[-1] == PlacedKey(palette, width - palette.width)


async def test_what_can_be_done_about_a_wait_comes_before_all_others() -> None:
    limited = ScriptedEngine(playing([RateLimited("Too many requests.", retry_after=600)]))
    async with make_app(limited, FakeTime()).run_test(size=(40, 24)) as pilot:
        await laid_out(pilot)
        await pilot.press("enter", "tab")
        await until(pilot, lambda: "now" in shown(pilot))
