"""What is known of the chosen dial: its dose, and what its direction promotes."""

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from steer_tui.domain import Dial, FeatureKind, safe_line
from steer_tui.tui.keys import key_of
from steer_tui.tui.widgets.dial_lines import BREAKING_VALUE


class DialNote(Widget):
    """A few quiet lines under the rack."""

    dial: reactive[Dial | None] = reactive(None)
    """The dial that is spoken of."""

    def render(self) -> Content:
        """Strength first, then the feature."""
        dial = self.dial
        if dial is None:
            return Content.styled(f"no dial yet: {key_of(self, 'main.add')} adds a feature", "dim")
        feature = dial.feature
        dose = "" if dial.dose is None else f"dose {dial.dose:.2f} of the residual norm"
        coefficient = f"coefficient {dial.coefficient:+.4g}"
        notch = "" if dose else f"a notch is {safe_line(feature.unit_origin)}"
        words = ", ".join(safe_line(token.strip()) for token in feature.promoted[:6] if token.strip())
        promotes = f"promotes {words}" if words else ""
        kind = "" if feature.kind is FeatureKind.SAE else f"direction: {feature.kind.value}"
        lines = [line for line in (dose, coefficient, notch or kind, promotes) if line]
        note = Content.styled("\n".join(lines), "dim")
        if abs(dial.value) > BREAKING_VALUE:
            note = Content.styled(f"! above {BREAKING_VALUE:g} a text begins to break\n", "$text-warning") + note
        return note
