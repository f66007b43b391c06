"""A small sample of what one value of a dial writes."""

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from steer_tui.domain import safe_text
from steer_tui.generation.measures import Means
from steer_tui.tui.wording import value_words


def measured_words(means: Means) -> str:
    """Concept and fluency in a few words."""
    share = None if means.share is None else f"{100 * means.share:.0f} %"
    nats = None if means.nats is None else f"{means.nats:.2f} nats"
    return " · ".join(filter(None, (share, nats)))


class SampleCard(Widget):
    """One value: the first text of each direction, and at the foot what all the feature's texts come to."""

    text: reactive[str | None] = reactive(None)
    """The feature's text, or None while it has not come."""
    random_text: reactive[str | None] = reactive(None)
    """The random direction's text."""
    means: reactive[Means | None] = reactive(None)
    """What has been measured so far."""

    class Clicked(Message):
        """The person has clicked this card."""

        def __init__(self, card: "SampleCard") -> None:
            super().__init__()
            self.card = card

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value
        self.border_title = value_words(value)

    def render(self) -> Content:
        """As much of the texts as there is room for."""
        if self.text is None:
            return Content.styled("…", "dim")
        text = Content(safe_text(self.text.strip()))
        if self.random_text is None:
            return text
        random = Content.styled(safe_text(self.random_text.strip()), "dim")
        return text + Content.styled("\n\n○ ", "$text-warning") + random

    def watch_means(self, means: Means | None) -> None:
        """Say at the foot what was measured."""
        self.border_subtitle = "" if means is None else measured_words(means)

    def on_click(self, event: events.Click) -> None:
        """Tell of it."""
        event.stop()
        self.post_message(self.Clicked(self))
