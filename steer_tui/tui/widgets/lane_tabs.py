"""One line that says which lane is in view where there is room for one only."""

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from steer_tui.domain import Lane
from steer_tui.tui.keys import key_of

LANE_TITLES = {Lane.STEERED: "Steered", Lane.DEFAULT: "Default"}


class LaneTabs(Widget):
    """The two lanes' names, the one in view underlined; a click shows the other."""

    lane: reactive[Lane] = reactive(Lane.STEERED)
    """The lane in view."""

    class Picked(Message):
        """The person wants to see this lane."""

        def __init__(self, lane: Lane) -> None:
            super().__init__()
            self.lane = lane

    def render(self) -> Content:
        """Both names side by side."""
        names = [
            Content.styled(f" {title} ", "bold underline $text-primary" if lane is self.lane else "dim")
            for lane, title in LANE_TITLES.items()
        ]
        return Content(" ").join(names) + Content.styled(f"   {key_of(self, 'main.other-lane')} the other", "dim")

    def on_click(self, event: events.Click) -> None:
        """The left name is the steered lane, the right one the default lane."""
        width = len(LANE_TITLES[Lane.STEERED]) + 2
        self.post_message(self.Picked(Lane.STEERED if event.x <= width else Lane.DEFAULT))
