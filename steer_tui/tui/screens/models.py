"""The models that a service has, which of their sources can be steered, and how another one is opened."""

import json
import shlex
from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from steer_tui.domain import SteerError, safe_line
from steer_tui.engines import EngineInfo
from steer_tui.engines.services import ModelOffer, OffersModels
from steer_tui.generation.patience import patience
from steer_tui.tui.screens.faults import TellsFaults
from steer_tui.tui.wording import error_words


class ModelsScreen(TellsFaults, ModalScreen[None]):
    """A line a model; another model needs another start, and the screen says which."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "close"),
        Binding("r", "load", "try again", show=False),
        Binding("pagedown", "turn_page(1)", "sources", show=False, priority=True),
        Binding("pageup", "turn_page(-1)", "sources", show=False, priority=True),
    ]

    def __init__(self, engine: OffersModels, info: EngineInfo) -> None:
        """`info` is what the engine is now."""
        super().__init__()
        self._engine, self._info = engine, info
        self._models: Sequence[ModelOffer] = ()

    def compose(self) -> ComposeResult:
        """The models, and below them what is known of the chosen one."""
        with Vertical(id="models") as box:
            box.border_title = "Models"
            box.border_subtitle = "↑↓ model · pgdn sources · ⏎ copy its flags · esc close"
            yield OptionList()
            with VerticalScroll(id="model", can_focus=False):
                yield Static()

    def on_mount(self) -> None:
        """Ask for them."""
        self.action_load()

    @work(group="load", exclusive=True, exit_on_error=False)
    async def action_load(self) -> None:
        """Ask the service, once more where it has failed."""
        self._tell("Asking for the models …")
        try:
            async with patience():
                self._models = await self._engine.models()
        except SteerError as error:
            self.tell_fault("load", error_words(error))
        else:
            if self._models:
                options = self.query_one(OptionList)
                options.set_options([Option(self._line(model)) for model in self._models])
                ids = [model.id for model in self._models]
                options.highlighted = ids.index(self._info.model) if self._info.model in ids else 0
            else:
                self._tell("The service names no models.")

    def tell_fault(self, group: str, sentence: str) -> None:
        """Say it where the models would stand, and how they are asked for once more."""
        self._tell(f"{sentence} r asks again.")

    def _tell(self, sentence: str) -> None:
        self.query_one(OptionList).set_options([Option(Content.styled(sentence, "dim"), disabled=True)])

    def _line(self, model: ModelOffer) -> Content:
        mark = "● " if model.id == self._info.model else "  "
        steers = "can be steered" if model.can_steer else "shown only"
        name = "" if model.name == model.id else f" · {safe_line(model.name)}"
        return Content(mark) + Content.styled(safe_line(model.id), "bold") + Content.styled(f"  {steers}{name}", "dim")

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show what is known of the model that the highlight is on now."""
        model = self._models[event.option_index]
        self.query_one("#model Static", Static).update(Content("\n").join(_described(model, self._info)))
        self.query_one("#model").scroll_home(animate=False)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Copy the flags that open the model."""
        flags = _flags(self._models[event.option_index], self._info)
        self.app.copy_to_clipboard(flags)
        self.notify(f"{flags} was sent to the terminal's clipboard (OSC 52).", markup=False)

    def action_turn_page(self, direction: int) -> None:
        """Scroll what is known of the model."""
        page = self.query_one("#model", VerticalScroll)
        page.scroll_page_down() if direction > 0 else page.scroll_page_up()


def _flags(model: ModelOffer, info: EngineInfo) -> str:
    return safe_line(f"--engine {shlex.quote(info.name)} --model {shlex.quote(model.id)}")


def _described(model: ModelOffer, info: EngineInfo) -> Iterator[Content]:
    steered = [source.id for source in model.sources if model.can_steer and source.can_steer]
    shown = [source.id for source in model.sources if source.id not in steered]
    facts = [f"{len(steered)} of {len(model.sources)} sources can be steered"]
    facts += [] if model.layers is None else [f"{model.layers} layers"]
    facts += ["takes a chat"] if model.is_instruct else []
    yield Content(" · ".join(facts))
    if model.id == info.model:
        yield Content.styled("This is the model that is open.", "dim")
    else:
        config = f"[{info.name}] model = {json.dumps(model.id)}"
        yield Content("Another model needs another start: ") + Content.styled(_flags(model, info), "bold")
        yield Content("or in the config: ") + Content.styled(safe_line(config), "bold")
    for verb, ids in (("can be steered: ", steered), ("shown only: ", shown)):
        if ids:
            yield Content.styled(verb, "dim") + Content(", ".join(map(safe_line, ids)))
