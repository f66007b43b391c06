"""What is known of the chosen dial: its dose, and what its direction promotes."""

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from steer_tui.domain import Dial, FeatureKind, safe_line
from steer_tui.tui.widgets.dial_lines import BREAKING_VALUE

class DialNote(Widget):
    """Three quiet lines under the rack."""

    dial: reactive[Dial | None] = reactive(None)
    """The dial that is spoken of."""

    def render(self) -> Content:
        """Strength first, then the feature."""
        dial = self.dial
        if dial is None:
            return Content.styled("no dial yet: a adds a feature", "dim")
        feature = dial.feature
        if dial.dose is None:
            strength = f"coefficient {dial.coefficient:+.4g} · a notch is {feature.unit_origin}"
        else:
            strength = f"dose {dial.dose:.2f} of the norm · coefficient {dial.coefficient:+.1f}"
        lines = [Content.styled(strength, "dim")]
        if abs(dial.value) > BREAKING_VALUE:
            lines.append(Content.styled("! above 8 the text usually breaks", "$text-warning"))
        elif feature.promoted:
            words = ", ".join(safe_line(token.strip()) for token in feature.promoted[:6] if token.strip())
            lines.append(Content.styled(f"promotes {words}", "dim"))
        if feature.kind is not FeatureKind.SAE:
            lines.append(Content.styled(f"a {feature.kind.value} vector", "dim"))
        return Content("\n").join(lines)
