"""What is known of the chosen dial: what it does at its value, and what its direction promotes."""

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from steer_tui.domain import Dial, FeatureKind, Method, safe_line
from steer_tui.tui.widgets.dial_lines import BREAKING_VALUE, breaks, powered


def strength_words(dial: Dial, method: Method) -> tuple[str, ...]:
    """What the dial does at its value, in a few short lines."""
    raw = f"raw strength {powered(f'{dial.coefficient:+.4g}')}"
    dose = () if dial.dose is None else (f"dose {_dose_words(dial.dose)} of the residual norm",)
    match method:
        case Method.ADDITIVE:
            return *dose, raw
        case Method.PROJECTION_CAP:
            return f"caps the component at {raw}", *dose
        case Method.PIN:
            return f"pinned at {raw}", *dose
        case Method.ORTHOGONAL:
            return f"keeps {1 - dial.value / 10:.2f} of the component", "10 removes it, more reflects it"
        case Method.ABLATE:
            return ("removes the component, whatever the value",) if dial.is_on else ("off",)


def _dose_words(dose: float) -> str:
    return f"{dose:.2f}" if abs(dose) < 100 else powered(f"{dose:.3g}")


class DialNote(Widget):
    """A few quiet lines under the rack."""

    dial: reactive[Dial | None] = reactive(None)
    """The dial that is spoken of."""
    method: reactive[Method] = reactive(Method.ADDITIVE)
    """How the dials act, which decides what a value means."""

    def render(self) -> Content:
        """Strength first, then the feature."""
        dial = self.dial
        if dial is None:
            return Content()
        feature = dial.feature
        strength = strength_words(dial, self.method)
        notch = "" if feature.residual_norm else f"a notch is {safe_line(feature.unit_origin)}"
        words = ", ".join(safe_line(token.strip()) for token in feature.promoted[:6] if token.strip())
        promotes = f"promotes {words}" if words else ""
        kind = "" if feature.kind is FeatureKind.SAE else f"direction: {feature.kind.value}"
        lines = [line for line in (*strength, notch or kind, promotes) if line]
        note = Content.styled("\n".join(lines), "dim")
        if breaks(dial, self.method):
            note = Content.styled(f"! above {BREAKING_VALUE:g} a text begins to break\n", "$text-warning") + note
        return note
