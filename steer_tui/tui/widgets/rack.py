"""The dial rack: every dial by keyboard and mouse, in one widget."""

import time
from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from steer_tui.domain import VALUE_MAX, VALUE_MIN, Dial, InvalidValue, Method
from steer_tui.generation import Transcript
from steer_tui.generation.delivery import Clock
from steer_tui.generation.rack import FINE_STEP, STEP, Rack
from steer_tui.tui.widgets.dial_lines import DialStyles, Track, name_line, name_room, one_line, slider_line
from steer_tui.tui.widgets.typed_value import RAW, begun, continued, number_of

HUES = 6
"""How many hues there are before they repeat."""


class DialRack(ScrollView, can_focus=True):
    """Dials below each other, one of them chosen; it changes its own `rack` and tells of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "turn(-1)", "turn", id="dial.down", key_display="←→"),
        Binding("right", "turn(1)", "turn", id="dial.up", show=False),
        Binding("shift+left", "turn_finely(-1)", "a tenth down", id="dial.down-finely", show=False),
        Binding("shift+right", "turn_finely(1)", "a tenth up", id="dial.up-finely", show=False),
        Binding("home", "end_stop(-1)", "to −10", id="dial.lowest", show=False),
        Binding("end", "end_stop(1)", "to +10", id="dial.highest", show=False),
        Binding("up,k", "choose(-1)", "dial", id="dial.previous", key_display="↑↓"),
        Binding("down,j", "choose(1)", "next dial", id="dial.next", show=False),
        Binding("0", "off", "off", id="dial.off"),
        Binding("m", "mute", "mute", id="dial.mute"),
        Binding("equals_sign", "type_raw", "type a raw strength", id="dial.raw", show=False),
        Binding("d,delete", "remove", "remove", id="dial.remove"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"dial-rack--hue-{hue}" for hue in range(HUES)),
        "dial-rack--quiet",
        "dial-rack--value",
        "dial-rack--warning",
    }

    rack: reactive[Rack] = reactive(Rack(), layout=False)
    """The dials, and what undo goes back to."""
    chosen: reactive[int] = reactive(0)
    """Index of the dial that keys act on."""
    typed: reactive[str | None] = reactive(None)
    """What has been typed of a new value, or None while nothing is typed."""
    invitation: reactive[str] = reactive("")
    """What stands in an empty rack."""
    rows_a_dial: reactive[int] = reactive(3)
    """Lines from one dial to the next: 3 leave one empty, 2 none, and 1 puts a dial into one line."""

    class Changed(Message):
        """The person has changed the dials; `rack.rack` holds the new ones."""

        def __init__(self, dial_rack: "DialRack") -> None:
            super().__init__()
            self.dial_rack = dial_rack

    class Chosen(Message):
        """Another dial is the chosen one, or the chosen one has another value."""

        def __init__(self, dial: Dial | None) -> None:
            super().__init__()
            self.dial = dial

    def __init__(
        self, dials: Sequence[Dial], method: Method, *, clock: Clock = time.monotonic, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._clock = clock
        self._activations: Mapping[str, Sequence[float]] = {}
        self._reread: Mapping[str, Sequence[float]] = {}
        self._shown_extent = (0, 0), 0
        self._dragging = False
        self.set_reactive(DialRack.rack, Rack(tuple(dials), method))

    @property
    def chosen_dial(self) -> Dial | None:
        """The dial that keys act on, or None in an empty rack."""
        dials = self.rack.dials
        return dials[min(self.chosen, len(dials) - 1)] if dials else None

    def show_activations(self, transcript: Transcript) -> None:
        """Draw the activations of a transcript as sparklines, where it has changed."""
        self._activations = transcript.activations
        shown = (transcript.extent, transcript.readings), transcript.reread
        if shown != (self._shown_extent, self._reread):
            self._shown_extent, self._reread = shown
            self.refresh()

    @property
    def is_reread(self) -> bool:
        """Whether the sparklines come from a re-read."""
        return bool(self._reread)

    def change(self, rack: Rack) -> None:
        """Put another rack in place and tell of it."""
        if rack is not self.rack:
            self.rack = rack
            self.post_message(self.Changed(self))

    # What is shown

    def _resize(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, len(self.rack.dials) * self.rows_a_dial)

    def on_mount(self) -> None:
        """Size the rack once its place is known."""
        self._resize()

    def on_resize(self) -> None:
        """Fit the dials to the new width, and keep the chosen one in view."""
        self._resize()
        self._show_chosen()

    def watch_rows_a_dial(self) -> None:
        """Move the dials together or apart."""
        self._resize()
        self._show_chosen()

    def watch_rack(self) -> None:
        """Keep the choice within the dials."""
        self._resize()
        self.chosen = min(self.chosen, max(0, len(self.rack.dials) - 1))
        self.post_message(self.Chosen(self.chosen_dial))
        self.refresh()

    def watch_chosen(self) -> None:
        """Bring the chosen dial into view; a value that was being typed is dropped."""
        self.typed = None
        self._show_chosen()
        self.post_message(self.Chosen(self.chosen_dial))

    def _show_chosen(self) -> None:
        rows = self.rows_a_dial
        self.scroll_to_region(Region(0, self.chosen * rows, self.size.width, rows), animate=False, force=True)

    def _dial_styles(self, index: int) -> DialStyles:
        return DialStyles(
            hue=self.get_component_rich_style(f"dial-rack--hue-{index % HUES}", partial=True),
            quiet=self.get_component_rich_style("dial-rack--quiet", partial=True),
            value=self.get_component_rich_style("dial-rack--value", partial=True),
            warning=self.get_component_rich_style("dial-rack--warning", partial=True),
        )

    def render_line(self, y: int) -> Strip:
        """Draw one row of the dials that are in view."""
        width = self.scrollable_content_region.width
        if not self.rack.dials:
            return self._invitation_line(y, width)
        index, row = divmod(y + self.scroll_offset.y, self.rows_a_dial)
        if index >= len(self.rack.dials) or row > 1:
            return Strip.blank(width, self.rich_style)
        dial, styles = self.rack.dials[index], self._dial_styles(index)
        chosen = index == self.chosen and self.has_focus
        typed = self.typed if index == self.chosen else None
        if self.rows_a_dial == 1:
            room = name_room(self.rack.dials, width)
            segments = one_line(dial, self.rack.method, typed, width, room, styles, chosen)
        elif row == 0:
            readings = self._activations.get(dial.feature.id) or self._reread.get(dial.feature.id, ())
            segments = name_line(dial, self.rack.method, readings, typed, width, styles, chosen)
        else:
            segments = slider_line(dial, self.rack.method, width, styles, chosen)
        return Strip(segments).adjust_cell_length(width).apply_style(self.rich_style)

    def _invitation_line(self, y: int, width: int) -> Strip:
        lines = Content(self.invitation).wrap(max(1, width))
        quiet = self.get_component_rich_style("dial-rack--quiet", partial=True)
        strip = Strip([Segment(lines[y].plain, quiet)] if y < len(lines) else [])
        return strip.adjust_cell_length(width).apply_style(self.rich_style)

    # Keys

    def _turn_to(self, value: float) -> None:
        if self.chosen_dial is not None:
            self.change(self.rack.turn(self.chosen, value, self._clock()))

    def action_turn(self, direction: int) -> None:
        """Turn the chosen dial by a step."""
        self._turn_by(direction * STEP)

    def action_turn_finely(self, direction: int) -> None:
        """Turn the chosen dial by a tenth."""
        self._turn_by(direction * FINE_STEP)

    def _turn_by(self, notches: float) -> None:
        dial = self.chosen_dial
        if dial is not None and not _is_beyond(dial.value, notches):
            self._turn_to(dial.value + notches)

    def action_end_stop(self, direction: int) -> None:
        """Turn the chosen dial to one of its ends."""
        self._turn_to(VALUE_MAX if direction > 0 else VALUE_MIN)

    def action_off(self) -> None:
        """Turn the chosen dial to 0."""
        self._turn_to(0.0)

    def action_mute(self) -> None:
        """Mute the chosen dial, or let it sound again."""
        if self.rack.dials:
            self.change(self.rack.mute(self.chosen))

    def action_remove(self) -> None:
        """Take the chosen dial away."""
        if self.rack.dials:
            self.change(self.rack.remove(self.chosen))

    def action_type_raw(self) -> None:
        """Begin to type a raw strength."""
        if self.rack.dials:
            self.focus()
            self.typed = RAW

    def action_choose(self, direction: int) -> None:
        """Choose the dial above or below."""
        self.chosen = min(max(self.chosen + direction, 0), max(0, len(self.rack.dials) - 1))

    def on_key(self, event: events.Key) -> None:
        """Take a typed value: digits begin it, `=` makes it a raw strength, Enter sets it, Esc drops it."""
        character = event.character or ""
        if self.typed is None:
            # Here and not in the binding, which acts only after the keys that came in one packet with this one.
            typed = RAW if self._begins_raw(event.key) else begun(character)
            self.typed = typed if self.rack.dials else None
            if self.typed is None:
                return
        elif event.key == "enter":
            self._set_typed(self.typed)
        elif event.key == "escape":
            self.typed = None
        else:
            self.typed = continued(self.typed, event.key, character)
            if self.typed is None and event.key != "backspace":
                return
        event.stop()
        event.prevent_default()

    def _begins_raw(self, key: str) -> bool:
        bound = self.screen.active_bindings.get(key)
        return bound is not None and bound.binding.id == "dial.raw"

    def _set_typed(self, typed: str) -> None:
        self.typed = None
        try:
            value = number_of(typed)
        except InvalidValue as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        if typed.startswith(RAW):
            self.change(self.rack.turn_raw(self.chosen, value, self._clock()))
            return
        self._turn_to(value)
        if not VALUE_MIN <= value <= VALUE_MAX:
            beyond = "the dial stands at its end; a raw strength, typed behind =, may lie beyond"
            self.notify(f"{typed} lies outside −10 to +10: {beyond}.", severity="warning")

    def on_blur(self) -> None:
        """Drop a value that was being typed when the focus leaves."""
        self.typed = None
        self.refresh()

    def on_focus(self) -> None:
        """Show which dial is the chosen one."""
        self.refresh()

    # Mouse

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Choose the dial under the pointer; on its slider, take hold of the knob."""
        index, row = divmod(int(event.y) + self.scroll_offset.y, self.rows_a_dial)
        if index >= len(self.rack.dials):
            return
        self.chosen = index
        track = self._track
        on_slider = row == 1 if self.rows_a_dial > 1 else track.left <= event.x < track.left + track.cells
        if on_slider and event.button == 1:
            self._dragging = True
            self.capture_mouse()
            self._drag(event)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Pull the knob along."""
        if self._dragging:
            self._drag(event)

    def on_mouse_up(self) -> None:
        """Let go of the knob."""
        self.release_mouse()

    def on_mouse_release(self) -> None:
        """The knob is no longer held, whatever took the mouse away."""
        self._dragging = False

    @property
    def _track(self) -> Track:
        width = self.scrollable_content_region.width
        if self.rows_a_dial > 1:
            return Track.in_two_lines(width)
        return Track.in_one_line(width, name_room(self.rack.dials, width))

    def _drag(self, event: events.MouseEvent) -> None:
        self._turn_to(self._track.value_at(int(event.x)))


def _is_beyond(value: float, notches: float) -> bool:
    """Whether a value that was typed lies outside the ends, where a turn further out would bring it back."""
    return value > VALUE_MAX if notches > 0 else value < VALUE_MIN
