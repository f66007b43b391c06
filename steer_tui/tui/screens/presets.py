"""The presets that a service knows for the model, to choose one of."""

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from steer_tui.domain import Method, SteerError, safe_line
from steer_tui.engines.services import ChargesPresets, OffersPresets, Preset
from steer_tui.generation.patience import patience
from steer_tui.tui.screens.faults import TellsFaults
from steer_tui.tui.wording import error_words


class PresetsScreen(TellsFaults, ModalScreen[Preset | None]):
    """Closes with the preset that was chosen, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "close"),
        Binding("r", "load", "try again", show=False),
    ]

    def __init__(self, engine: OffersPresets) -> None:
        super().__init__()
        self._engine = engine
        self._presets: tuple[Preset, ...] = ()

    def compose(self) -> ComposeResult:
        """Two or three lines a preset."""
        with Vertical(id="presets") as box:
            box.border_title = "Presets"
            box.border_subtitle = "↑↓ preset · ⏎ choose · esc close"
            yield OptionList()

    def on_mount(self) -> None:
        """Ask for them."""
        self.action_load()

    @work(group="load", exclusive=True, exit_on_error=False)
    async def action_load(self) -> None:
        """Ask the service, once more where it has failed."""
        self._tell("Asking for the presets …")
        try:
            async with patience():
                if isinstance(self._engine, ChargesPresets):
                    self._tell(safe_line(f"Asking for the presets … {await self._engine.presets_cost() or ''}"))
                self._presets = tuple(await self._engine.presets())
        except SteerError as error:
            self.tell_fault("load", error_words(error))
        else:
            if self._presets:
                options = self.query_one(OptionList)
                options.set_options([Option(_described(preset)) for preset in self._presets])
                options.highlighted = 0
            else:
                self._tell("There are no presets for this model.")

    def tell_fault(self, group: str, sentence: str) -> None:
        """Say it where the presets would stand, and how they are asked for once more."""
        self._tell(f"{sentence} r asks again.")

    def _tell(self, sentence: str) -> None:
        self.query_one(OptionList).set_options([Option(Content.styled(sentence, "dim"), disabled=True)])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Close with what was chosen, by Enter or a click."""
        self.dismiss(self._presets[event.option_index])


def _described(preset: Preset) -> Content:
    lines = [Content.styled(safe_line(preset.name), "bold")]
    if preset.dials:
        dials = ", ".join(f"{safe_line(feature.label)} {value:+.3g}" for feature, value in preset.dials)
        method = "" if preset.method is Method.ADDITIVE else f" · {preset.method.value}"
        lines.append(Content.styled(f"  {dials}{method}", "dim"))
    if preset.prompt is not None:
        lines.append(Content.styled(f"  {safe_line(preset.prompt)}", "dim"))
    return Content("\n").join(lines)
