"""The key line: which keys do something where the focus is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

_PALETTE = "command_palette"


@dataclass(frozen=True, slots=True)
class LineKey:
    """A key and what it does."""

    key: str
    display: str
    description: str
    action: str
    enabled: bool = True

    @property
    def width(self) -> int:
        """In cells, with the space between its words."""
        return cell_len(f"{self.display} {self.description}")


@dataclass(frozen=True, slots=True)
class PlacedKey:
    """A key on the line."""

    key: LineKey
    start: int
    """Its first cell."""

    @property
    def end(self) -> int:
        """The cell behind its last one."""
        return self.start + self.key.width


def placed(keys: Sequence[LineKey], wanted: Sequence[str], width: int) -> tuple[PlacedKey, ...]:
    """As many keys as there is room for, in their order, the palette at the right end; none is cut.

    Room goes to the palette, where every other action is, then to the wanted actions in turn, then to all others.
    """
    first = (_PALETTE, *wanted)
    room, shown = width + 1, set[LineKey]()  # nothing follows the space behind the last key
    for key in sorted(keys, key=lambda key: first.index(key.action) if key.action in first else len(first)):
        if key.width + 1 <= room:
            room -= key.width + 1
            shown.add(key)
    line, start = [], 0
    for key in keys:
        if key not in shown:
            continue
        if key.action == _PALETTE:
            line.append(PlacedKey(key, width - key.width))
        else:
            line.append(PlacedKey(key, start))
            start += key.width + 1
    return tuple(sorted(line, key=lambda place: place.start))


class KeyLine(Widget, can_focus=False):
    """Draws the keys itself: a widget a key would be laid out anew each time that another one can be pressed."""

    ALLOW_SELECT = False

    keys: reactive[tuple[LineKey, ...]] = reactive(())
    """All that can be pressed now, in the order of their bindings."""
    hovered: reactive[LineKey | None] = reactive(None)
    """The one under the mouse."""

    def __init__(self, wanted: Callable[[Widget | None], Sequence[str]] = lambda focused: ()) -> None:
        """`wanted` gives the actions that matter most where the focus is; all others come after them."""
        super().__init__()
        self._wanted = wanted

    @property
    def placed(self) -> tuple[PlacedKey, ...]:
        """The keys that the line shows."""
        return placed(self.keys, self._wanted(self.screen.focused), self.size.width)

    def on_mount(self) -> None:
        """Follow what can be pressed."""
        self.screen.bindings_updated_signal.subscribe(self, self._note_bindings)

    def on_unmount(self) -> None:
        """Follow it no longer."""
        self.screen.bindings_updated_signal.unsubscribe(self)

    def _note_bindings(self, screen: Any) -> None:
        if not self.app.app_focus:
            return  # nothing has the focus then, and the keys would come and go with the window
        first = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if (binding.show or binding.action == _PALETTE) and binding.action not in first:
                display = self.app.get_key_display(binding)
                first[binding.action] = LineKey(
                    binding.key, display, binding.description, binding.action, active.enabled
                )
        self.keys = tuple(first.values())
        self.refresh()  # the focus, and with it what is wanted, may be another

    def render(self) -> Content:
        """The keys, with the palette behind a line of its own."""
        line, at = Content(""), 0
        for place in self.placed:
            key = place.key
            gap = " " * (place.start - at)
            if key.action == _PALETTE and gap:
                line += Content(gap[:-1]) + Content.styled("▏", "$foreground 20%")
            else:
                line += Content(gap)
            line += self._drawn(key)
            at = place.end
        return line

    def _drawn(self, key: LineKey) -> Content:
        ground = " on $block-hover-background" if key == self.hovered else ""
        dim = "" if key.enabled else " dim"
        display = Content.styled(key.display, f"bold $text-primary{ground}{dim}")
        return display + Content.styled(f" {key.description}", f"dim{ground}")

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Show what a click would press."""
        self.hovered = self._key_at(event.x)

    def on_leave(self) -> None:
        """The mouse is elsewhere."""
        self.hovered = None

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked."""
        key = self._key_at(event.x)
        if key is not None:
            self.app.simulate_key(key.key) if key.enabled else self.app.bell()

    def _key_at(self, cell: int) -> LineKey | None:
        return next((place.key for place in self.placed if place.start <= cell < place.end), None)
