"""A time on the screen that follows a clock by itself."""

from textual.reactive import reactive
from textual.widget import Widget

from steer_tui.generation.delivery import Clock


class TickingTime(Widget):
    """Looks at the clock four times a second; what is drawn changes with the face alone, once a second."""

    face: reactive[str] = reactive("0:00")
    """What is shown of the time."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def on_mount(self) -> None:
        """Begin to follow."""
        self.set_interval(0.25, self.tick)

    def tick(self) -> None:
        """Set the face to what the clock says."""
        raise NotImplementedError
