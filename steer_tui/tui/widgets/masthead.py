"""The top line: what is steered, and how the next token is drawn."""

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from steer_tui.domain import Sampling, safe_line
from steer_tui.engines import EngineInfo


class Masthead(Widget):
    """One line: product, engine and model at the left, sampling at the right."""

    sampling: reactive[Sampling] = reactive(Sampling())
    """Shown at the right."""
    chat: reactive[bool] = reactive(False)
    """Whether the model reads the prompt as a message; shown behind its name."""
    engine: reactive[EngineInfo | None] = reactive(None)
    """Shown at the left."""

    def render(self) -> Content:
        """Both ends of the line; the right one gives way where there is no room."""
        left = Content.styled("steer-tui", "bold $text-primary")
        if self.engine is not None:
            names = [safe_line(self.engine.name), safe_line(self.engine.model), *(["chat"] if self.chat else [])]
            left += Content(f"   {' · '.join(names)}")
        sampling = self.sampling
        parts = [f"seed {sampling.seed}", f"temperature {sampling.temperature:g}", f"{sampling.max_tokens} tokens"]
        if sampling.stop:
            parts.append(f"stop {safe_line(', '.join(map(repr, sampling.stop)))}")
        while parts:
            right = Content.styled(" · ".join(parts), "dim")
            room = self.size.width - left.cell_length - right.cell_length
            if room >= 2:
                return left + Content(" " * room) + right
            parts.pop()
        return left
