"""How the dials act: chosen by a key, shown with what a value means then, and undone."""

from scripted_engine import FEATURES, ScriptedEngine
from stage import foot, generated, laid_out, main_screen, make_app, pane, rack, until
from textual.pilot import Pilot

from steer_tui.domain import Dial, Lane, Method
from steer_tui.tui.widgets.dial_note import DialNote

ALL = tuple(Method)


def title(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one("#dials").border_title)


def note(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one(DialNote).render())


def first_line(pilot: Pilot[None]) -> str:
    return rack(pilot).render_line(0).text


def commands(pilot: Pilot[None]) -> set[str]:
    """What the palette offers."""
    return {command.title for command in pilot.app.get_system_commands(pilot.app.screen)}


async def test_a_key_goes_through_the_methods_of_the_engine_says_what_a_value_means_then_and_undo_goes_back() -> None:
    engine = ScriptedEngine(methods=ALL)
    async with make_app(engine, auto=False, dials=(Dial(FEATURES[0], 9.0),)).run_test(size=(120, 40)) as pilot:
        await laid_out(pilot)
        assert "Method" in commands(pilot)
        await until(pilot, lambda: "dose 0.36 of the residual norm\nraw strength +18" in note(pilot))
        assert (title(pilot), "! +9.0" in first_line(pilot)) == ("Dials", True)
        await pilot.press("tab")
        assert any(bound.binding.action == "method" for bound in pilot.app.screen.active_bindings.values())
        await pilot.press("t")
        await until(pilot, lambda: "keeps 0.10 of the component\n10 removes it, more reflects it" in note(pilot))
        await until(pilot, lambda: title(pilot) == "Dials · orthogonal")
        assert "! " not in first_line(pilot) + note(pilot)
        await pilot.press("t")
        await until(pilot, lambda: "caps the component at raw strength +18\ndose 0.36" in note(pilot))
        await until(pilot, lambda: title(pilot) == "Dials · projection cap")
        await pilot.press("t")
        await until(pilot, lambda: "removes the component, whatever the value" in note(pilot))
        await until(pilot, lambda: title(pilot) == "Dials · ablate")
        assert first_line(pilot).endswith(" on ")
        await pilot.press("0")
        await until(pilot, lambda: first_line(pilot).endswith(" off ") and note(pilot).startswith("off"))
        await pilot.press("u", "t")
        await until(pilot, lambda: title(pilot) == "Dials · pin")
        await until(pilot, lambda: "pinned at raw strength +18\ndose 0.36" in note(pilot))
        assert "! +9.0" in first_line(pilot)
        await pilot.press("t")
        await until(pilot, lambda: title(pilot) == "Dials")
        await pilot.press("u", "u")
        await until(pilot, lambda: first_line(pilot).endswith(" on "))
        for expected in ("Dials · ablate", "Dials · projection cap", "Dials · orthogonal", "Dials"):
            await until(pilot, lambda expected=expected: title(pilot) == expected)
            await pilot.press("u")


async def test_another_method_is_an_edit_that_makes_the_steered_text_anew_and_leaves_the_default_one() -> None:
    engine = ScriptedEngine()
    async with make_app(engine).run_test(size=(120, 40)) as pilot:
        await generated(pilot)
        await pilot.press("tab", "t")
        await until(pilot, lambda: engine.requests[-1].vector.method is Method.ORTHOGONAL)
        await until(pilot, lambda: foot(pilot).startswith("done"))
        assert (engine.asked(Lane.STEERED), engine.asked(Lane.DEFAULT)) == (2, 1)
        assert main_screen(pilot).controller.inputs.method is Method.ORTHOGONAL


async def test_a_dial_of_another_method_than_the_engine_has_goes_to_the_first_one_it_has() -> None:
    engine = ScriptedEngine(methods=(Method.ADDITIVE, Method.ORTHOGONAL))
    async with make_app(engine, auto=False, method=Method.ABLATE).run_test() as pilot:
        await laid_out(pilot)
        await until(pilot, lambda: title(pilot) == "Dials · ablate")
        await pilot.press("tab", "t")
        await until(pilot, lambda: title(pilot) == "Dials")


async def test_where_two_dials_push_and_could_be_pinned_their_frame_says_what_pinning_is_good_for() -> None:
    dials = tuple(Dial(feature, 5.0) for feature in FEATURES[:2])
    engine = ScriptedEngine(methods=(Method.ADDITIVE, Method.PIN))
    async with make_app(engine, auto=False, dials=dials).run_test(size=(120, 40)) as pilot:
        await laid_out(pilot)
        frame = pilot.app.screen.query_one("#dials")
        advice = "t to pin: both share the text"
        await until(pilot, lambda: frame.border_subtitle == advice)
        await pilot.press("tab", "m")
        await until(pilot, lambda: frame.border_subtitle == "")
        await pilot.press("m")
        await until(pilot, lambda: frame.border_subtitle == advice)
        await pilot.press("t")
        await until(pilot, lambda: (title(pilot), frame.border_subtitle) == ("Dials · pin", ""))


async def test_without_a_choice_the_key_does_nothing_and_is_neither_on_the_line_nor_in_the_palette() -> None:
    async with make_app(ScriptedEngine(methods=(Method.ADDITIVE,)), auto=False).run_test() as pilot:
        await pilot.pause()
        assert "Method" not in commands(pilot)
        await pilot.press("tab")
        assert not any(bound.binding.action == "method" for bound in pilot.app.screen.active_bindings.values())
        await pilot.press("t")
        await pilot.pause(0.1)
        assert title(pilot) == "Dials"


async def test_where_there_is_no_room_below_the_dials_their_frame_says_the_strength_and_the_cap() -> None:
    async with make_app(ScriptedEngine(methods=ALL), auto=False).run_test(size=(80, 24)) as pilot:
        await laid_out(pilot)
        frame = pilot.app.screen.query_one("#dials")
        await pilot.press("tab")
        for size in ((80, 24), (60, 20)):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda: frame.border_subtitle == "dose 0.16 of the residual norm · raw strength +8")
            await pilot.press("down")
            await until(pilot, lambda: frame.border_subtitle == "dose 0.00 of the residual norm · raw strength +0")
            assert pane(pilot).size.height >= 4, size
            await pilot.press("up")
        await pilot.press("t", "t")
        await until(pilot, lambda: frame.border_subtitle == "caps the component at raw strength +8")
