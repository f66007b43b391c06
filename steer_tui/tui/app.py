"""The app: options in, main screen up, engine closed at the end."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.screen import Screen

from steer_tui.domain import Dial, InvalidValue, Method, Sampling
from steer_tui.engines import Engine
from steer_tui.generation import Controller, Deadlines, Inputs
from steer_tui.generation.delivery import Clock, Sleep
from steer_tui.tui.keymap import ACTIONS, check_keymap, keys_of, scope_of
from steer_tui.tui.screens.main import MainScreen
from steer_tui.tui.screens.services import FindDials


@dataclass(frozen=True, slots=True)
class AppOptions:
    """What the command line and the config have decided."""

    prompt: str | None = None
    """The text to begin with; None shows the example."""
    example: str = "Once upon a time there was a painter named Leo, who"
    sampling: Sampling = Sampling()
    chat: bool = False
    """Whether the prompt is a message to a chat model, and no plain text."""
    dials: tuple[Dial, ...] = ()
    find_dials: FindDials | None = None
    """Asks a service for the dials, once the app is open."""
    method: Method = Method.ADDITIVE
    """How the dials act."""
    auto: bool | None = None
    """Whether a turned dial generates by itself; None: where calls cost nothing."""
    begins: bool = False
    """Whether it generates as soon as it is open, without being asked to."""
    live: bool = False
    """Whether a turned dial acts on the text that comes, where the engine can."""
    debounce: float = 0.5
    """Seconds that an edit or a dial is waited out."""
    deadlines: Deadlines = field(default_factory=Deadlines)
    pace: float = 0.0
    """Tokens a second; 0 as fast as they come."""
    theme: str = "tokyo-night"
    keys: Mapping[str, str] = field(default_factory=dict)
    """Action id → keys, where they differ from the defaults."""


class SteerApp(App[None]):
    """A prompt, dials, and two streaming texts."""

    TITLE = "steer-tui"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self, engine: Engine, options: AppOptions, *, clock: Clock = time.monotonic, sleep: Sleep = asyncio.sleep
    ) -> None:
        """Raise InvalidValue for a theme or a key binding that cannot be."""
        super().__init__()
        check_keymap(options.keys)
        if options.theme not in self.available_themes:
            themes = ", ".join(sorted(self.available_themes))
            raise InvalidValue(f"There is no theme {options.theme!r}; there are: {themes}.")
        self._engine = engine
        self._options = options
        self._clock, self._sleep = clock, sleep
        self.theme = options.theme
        self.set_keymap(dict(options.keys))

    def get_default_screen(self) -> Screen[None]:
        """The main screen is the one at the bottom: an empty one below it would be laid out and painted first."""
        options = self._options
        return MainScreen(
            self._engine,
            self._make_controller,
            options.find_dials,
            options.deadlines,
            self._sleep,
            auto_while_free=options.auto is None,
        )

    def on_ready(self) -> None:
        """Ask for the dials that are not known yet; the first paint waits for no service."""
        main = self.screen_stack[0]
        if isinstance(main, MainScreen):
            main.find_dials()
            if self._options.begins:
                main.call_after_refresh(main.action_generate)

    async def on_unmount(self) -> None:
        """Let go of what the engine holds."""
        await self._engine.aclose()

    def _make_controller(self, on_change: Callable[[], None]) -> Controller:
        options = self._options
        prompt = options.example if options.prompt is None else options.prompt
        return Controller(
            self._engine,
            Inputs(prompt, options.sampling, options.dials, options.method, chat=options.chat),
            auto=self._engine.info.quota is None if options.auto is None else options.auto,
            live=options.live,
            debounce=options.debounce,
            deadlines=options.deadlines,
            pace=options.pace,
            on_change=on_change,
            clock=self._clock,
            sleep=self._sleep,
        )

    def key_of(self, action: str) -> str:
        """The first key of an action, as it is drawn."""
        return self._shown_keys(action)[0]

    def _shown_keys(self, action: str) -> list[str]:
        return [self.get_key_display(Binding(key, "")) for key in keys_of(action, self._options.keys)]

    def action_help(self) -> None:
        """Explain the dials and the keys."""
        from steer_tui.tui.screens.help import HelpScreen

        keys = [(" ".join(self._shown_keys(id)), binding.description) for id, binding in ACTIONS.items()]
        self.push_screen(HelpScreen(keys))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action of the main screen, beside Textual's own."""
        yield from super().get_system_commands(screen)
        if isinstance(screen, MainScreen):
            nodes = {"main": screen, "dial": screen.query_one("#rack"), "prompt": screen.query_one("#prompt")}
            for id, binding in ACTIONS.items():
                scope = scope_of(id)
                title = binding.description if scope == "main" else f"{scope}: {binding.description}"
                node = nodes[scope]
                if node.check_action(binding.action, ()) is False:
                    continue  # what cannot be done here, or now
                run = partial(self.run_action, binding.action, node)
                yield SystemCommand(title.capitalize(), " ".join(self._shown_keys(id)), run)
