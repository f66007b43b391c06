"""The models that a service has, which of their sources can be steered, and how another one is opened."""

import json
import shlex
from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static

from steer_tui.domain import safe_line
from steer_tui.engines import EngineInfo
from steer_tui.engines.services import ModelOffer, OffersModels
from steer_tui.tui.screens.offer import OfferScreen


class ModelsScreen(OfferScreen[None]):
    """A line a model; another model needs another start, and the screen says which."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown", "turn_page(1)", "sources", show=False, priority=True),
        Binding("pageup", "turn_page(-1)", "sources", show=False, priority=True),
    ]
    ASKING = "Asking for the models …"
    NOTHING = "The service names no models."

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

    async def ask(self) -> Sequence[Content]:
        """A line a model."""
        self._models = await self._engine.models()
        return [self._line(model) for model in self._models]

    @property
    def first(self) -> int:
        """The model that the engine has now."""
        ids = [model.id for model in self._models]
        return ids.index(self._info.model) if self._info.model in ids else 0

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
