"""What is swept, and how far the sweep is."""

from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.widget import Widget

from steer_tui.domain import safe_line
from steer_tui.generation.sweep import SweepPlan
from steer_tui.tui.sizes import WIDE
from steer_tui.tui.wording import shortened

LABEL_CELLS = 20
"""The longest that a label is drawn."""

_BAR_CELLS = 12


class SweepTitle(Widget):
    """The feature and the progress, and below them the prompt and what a text is."""

    finished: reactive[int] = reactive(0)
    """Samples that have come."""
    words: reactive[str] = reactive("sweeping")
    """How the sweep stands."""
    note: reactive[str] = reactive("", layout=True)
    """What holds the sweep up, or what ended it, in whole sentences."""

    def __init__(self, plan: SweepPlan, total: int) -> None:
        super().__init__()
        self._plan, self._total = plan, total

    def render(self) -> Content:
        """Feature, how it stands, and the progress; then the prompt, and how the two curves are drawn."""
        plan = self._plan
        label = shortened(plan.feature.label, LABEL_CELLS)
        head = Content.styled(f"Sweep of {label}", "bold $text-primary")
        head += Content.styled(f"   {safe_line(self.words)}", "$text-secondary")
        filled = _BAR_CELLS * self.finished // self._total
        progress = Content.styled("━" * filled, "$text-success") + Content.styled("─" * (_BAR_CELLS - filled), "dim")
        progress += Content(f" {self.finished} of {self._total} texts")
        legend = Content.styled(f"━ {label}", "$text-primary") + Content.styled("  ○ random", "$text-warning")
        if self.size.width >= WIDE:
            seeds = f"seed {plan.sampling.seed}" + (f" and {plan.samples - 1} more" if plan.samples > 1 else "")
            legend = Content.styled(f"{plan.sampling.max_tokens} tokens · {seeds}   ", "dim") + legend
        prompt = Content(safe_line(plan.prompts[0]))
        lines = [self._ends(head, progress), self._ends(prompt, legend)]
        if self.note:
            lines.append(Content.styled(safe_line(self.note), "$text-warning"))
        return Content("\n").join(lines)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Two lines and those of the note; what `render` draws is made for the width of now, not for this one."""
        return 2 + (len(Content(safe_line(self.note)).wrap(width)) if self.note else 0)

    def _ends(self, left: Content, right: Content) -> Content:
        room = self.size.width - right.cell_length - 2
        if room < LABEL_CELLS:
            return left.truncate(self.size.width, ellipsis=True)
        return left.truncate(room, ellipsis=True, pad=True) + Content("  ") + right
