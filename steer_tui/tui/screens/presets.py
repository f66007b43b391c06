"""The presets that a service knows for the model, to choose one of."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList

from steer_tui.domain import Method, safe_line
from steer_tui.engines.services import ChargesPresets, OffersPresets, Preset
from steer_tui.tui.screens.offer import OfferScreen
from steer_tui.tui.wording import method_words


class PresetsScreen(OfferScreen[Preset | None]):
    """Closes with the preset that was chosen, or None."""

    ASKING = "Asking for the presets …"
    NOTHING = "There are no presets for this model."

    def __init__(self, engine: OffersPresets) -> None:
        super().__init__()
        self._engine = engine
        self._presets: Sequence[Preset] = ()

    def compose(self) -> ComposeResult:
        """Two or three lines a preset."""
        with Vertical(id="presets") as box:
            box.border_title = "Presets"
            box.border_subtitle = "↑↓ preset · ⏎ choose · esc close"
            yield OptionList()

    async def ask(self) -> Sequence[Content]:
        """Two or three lines a preset, once it is told what the question costs."""
        if isinstance(self._engine, ChargesPresets):
            self.tell(safe_line(f"{self.ASKING} {await self._engine.presets_cost() or ''}"))
        self._presets = await self._engine.presets()
        return [_described(preset) for preset in self._presets]

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Close with what was chosen, by Enter or a click."""
        self.dismiss(self._presets[event.option_index])


def _described(preset: Preset) -> Content:
    lines = [Content.styled(safe_line(preset.name), "bold")]
    if preset.dials:
        dials = ", ".join(f"{safe_line(feature.label)} {value:+.3g}" for feature, value in preset.dials)
        method = "" if preset.method is Method.ADDITIVE else f" · {method_words(preset.method)}"
        lines.append(Content.styled(f"  {dials}{method}", "dim"))
    if preset.prompt is not None:
        lines.append(Content.styled(f"  {safe_line(preset.prompt)}", "dim"))
    return Content("\n").join(lines)
