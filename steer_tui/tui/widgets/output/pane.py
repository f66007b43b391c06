"""The pane in which a lane's text streams."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from steer_tui.tui.widgets.output.cells import drawable
from steer_tui.tui.widgets.output.drawing import LineStyles, draw_line
from steer_tui.tui.widgets.output.noted import Note, NotedText
from steer_tui.tui.widgets.output.tokens import TokenKind

_NOWHERE = sys.maxsize


class OutputPane(ScrollView, can_focus=True):
    """A prompt and the tokens after it, wrapped, selectable, and followed to the end unless the reader scrolls up."""

    DEFAULT_CSS = """
    OutputPane {
        width: 1fr;
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        & > .output-pane--prompt {
            text-style: dim;
        }
        & > .output-pane--note {
            color: $text-accent;
            text-style: bold;
        }
        & > .output-pane--cursor {
            text-style: reverse;
        }
    }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"output-pane--prompt", "output-pane--note", "output-pane--cursor"}
    """The prompt, a note in the text, and the block where the next token comes."""

    cursor: reactive[bool] = reactive(False)
    """Whether a block stands where the next token comes."""

    following: reactive[bool] = reactive(True, repaint=False, init=False)
    """Whether the view keeps to the end as text comes; scrolling up pauses that, coming back to the end resumes it."""

    @dataclass
    class FollowChanged(Message):
        """The pane began or ceased to follow the end of the text."""

        pane: "OutputPane"
        """The pane that did."""
        following: bool
        """Whether it follows now."""

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._text = NotedText()
        self._styles: LineStyles | None = None
        self._strips: dict[int, Strip] = {}
        self._grown_from = _NOWHERE
        self._drawing = False
        self._top = 0

    @property
    def token_count(self) -> int:
        """The number of tokens shown, without the prompt."""
        return len(self._text.marks)

    @property
    def text(self) -> str:
        """The generated text as it came, without the prompt."""
        return self._text.without_notes(self._text.marks.end(0), len(self._text.wrapped))

    def start(self, prompt: str) -> None:
        """Clear the pane, show the prompt, dimmed, and follow what comes after it."""
        self._forget_selection()
        self._text = NotedText(prompt, self._text.wrapped.width)
        self.following = True
        self._text_replaced()

    def append(self, tokens: Sequence[str]) -> None:
        """Show more tokens after those shown."""
        self._grown(self._text.append(tokens))

    def annotate(self, notes: Sequence[Note]) -> None:
        """Show these notes and no others: each before a token, which may have come or not, and no two before one."""
        if self._text.moves(notes):
            self._forget_selection()
        self._grown(self._text.annotate(notes))

    def rewind(self, keep: int) -> None:
        """Keep only the first tokens, and the notes before them."""
        if keep >= self.token_count:
            return
        self._forget_selection()
        self._text.rewind(keep)
        self._text_replaced()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw the pane, taking each finished line as it was last drawn: scrolling changes only where it stands.

        Textual asks for all rows in each frame, and draws them one by one with borders and padding.
        """
        if crop.size != self.outer_size:
            return super().render_lines(crop)
        scrolled = self.scroll_offset.y
        above = scrolled - self.content_offset.y
        rows = range(above, above + crop.height)
        finished = range(scrolled, min(scrolled + self.size.height, len(self._text.wrapped.lines) - 1))
        strips: list[Strip] = []
        for drawn, group in groupby(rows, lambda row: row in finished and row in self._strips):
            if drawn:
                strips += [self._strips[row] for row in group]
            else:
                strips += super().render_lines(Region(0, len(strips), crop.width, len(list(group))))
        self._strips = {row: strip for row, strip in zip(rows, strips, strict=True) if row in finished}
        return strips

    def render_line(self, y: int) -> Strip:
        """Draw the line that stands in a row of the view."""
        row = y + self.scroll_offset.y
        wrapped = self._text.wrapped
        lines = wrapped.lines
        line, start = (lines[row], wrapped.starts[row]) if row < len(lines) else ("", len(wrapped))
        return draw_line(
            line,
            start,
            self._text.marks.runs(start, start + len(line)),
            self._selected(),
            self.cursor and row == len(lines) - 1,
            wrapped.width,
            self._line_styles(),
        )

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> "OutputPane":
        """Have regions drawn anew, or without any the whole pane with all its lines."""
        if repaint and not regions:
            self._strips = {}
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text as it is drawn, without notes and without the newlines that wrapping put in."""
        return drawable(self._text.without_notes(*self._span(selection))), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Show what is selected now."""
        self.refresh()

    def notify_style_update(self) -> None:
        """Draw in the styles that hold now."""
        super().notify_style_update()
        self._styles = None
        self._strips = {}

    def release_anchor(self) -> None:
        """Leave the scroll target alone: this pane keeps to the end by itself, not by Textual's anchor."""

    def watch_scroll_target_y(self, target: float) -> None:
        """Follow when the reader goes to the end, however it is reached, and pause when they leave it.

        The target and not the position tells: it is set at once where the position moves there in steps, while the
        text may grow.
        """
        self.following = target >= self.max_scroll_y

    def watch_following(self, following: bool) -> None:
        """Tell who listens, and go to the end when following begins."""
        self.post_message(self.FollowChanged(self, following))
        self._update_scrollbar()
        if following and self.scroll_target_y < self.max_scroll_y:
            self._to_end()

    def watch_cursor(self, cursor: bool) -> None:
        """Draw the last line with or without the cursor; where that goes, no more text is to come."""
        self._refresh_from(len(self._text.wrapped.lines) - 1)
        if not cursor:
            self._update_scrollbar()

    def on_resize(self, event: events.Resize) -> None:
        """Wrap to the new width, and keep what the reader sees in place."""
        width = max(1, self.scrollable_content_region.width)
        wrapped = self._text.wrapped
        row = min(self.scroll_offset.y, len(wrapped.lines) - 1)
        if wrapped.row_at(self._top) != row:  # or else the place would drift with each step of a window's edge
            self._top = wrapped.starts[row]
        if width != wrapped.width:
            wrapped.rewrap(width)
        self._text_replaced(wrapped.row_at(self._top))

    def _text_replaced(self, top: int | None = None) -> None:
        """Draw a text whose lines are new, with one of them at the top unless the end is followed."""
        if not self.is_mounted:
            return
        self._height_changed()
        if top is not None and not self.following:
            self.scroll_y = top
        self.scroll_target_y = self.scroll_y
        self.following = self.scroll_y >= self.max_scroll_y
        self.refresh()

    def _height_changed(self) -> None:
        """Tell Textual the number of lines.

        Setting `virtual_size` would lay out the whole screen; where the pane keeps its place on it, only its scrollbar
        changes. To draw that costs as much as all the lines, so at the end, where it stands, it learns of growth only
        by the twentieth.
        """
        size = Size(self._text.wrapped.width, len(self._text.wrapped.lines))
        self.set_reactive(Widget.virtual_size, size)
        at_rest = self.following and self.show_vertical_scrollbar and self.scroll_y == self.scroll_target_y
        if at_rest and 0 < (size.height - self.vertical_scrollbar.window_virtual_size) * 20 < size.height:
            self.set_scroll(None, self.max_scroll_y)
            self.set_reactive(Widget.scroll_target_y, self.scroll_y)
            self.refresh(self.size.region)
        else:
            self._scroll_update(size)
            if self.following:
                self._to_end()

    def _update_scrollbar(self) -> None:
        """Tell the scrollbar what it has not learned yet."""
        self._scroll_update(self.virtual_size)
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = self.scroll_y

    def _to_end(self) -> None:
        self.scroll_end(animate=False, immediate=True, force=True, x_axis=False)

    def _grown(self, row: int) -> None:
        """The text is another one from a row on."""
        self._grown_from = min(self._grown_from, row)
        if self.is_mounted and not self._drawing:
            self._show_growth()

    def _show_growth(self) -> None:
        """Have what came drawn in the next frame; what comes before that is drawn waits for the one after."""
        if len(self._text.wrapped.lines) != self.virtual_size.height:
            self._height_changed()
        self._refresh_from(self._grown_from)
        self._grown_from = _NOWHERE
        self._drawing = self.call_after_refresh(self._growth_drawn)

    def _growth_drawn(self) -> None:
        self._drawing = False
        if self._grown_from < _NOWHERE:
            self._show_growth()

    def _refresh_from(self, row: int) -> None:
        """Have the lines from a row on drawn in the next frame."""
        self._strips = {drawn: strip for drawn, strip in self._strips.items() if drawn < row}
        y = max(0, row - self.scroll_offset.y)
        width, height = self.size
        if y < height:
            self.refresh(Region(0, y, width, height - y))

    def _line_styles(self) -> LineStyles:
        """The styles of lines, looked up once: Textual adds up those of all ancestors each time it is asked."""
        if self._styles is None:
            plain = self.rich_style
            self._styles = LineStyles(
                kinds={
                    TokenKind.PLAIN: plain,
                    TokenKind.NOTE: self.get_component_rich_style("output-pane--note"),
                    TokenKind.PROMPT: self.get_component_rich_style("output-pane--prompt"),
                },
                selection=self.screen.get_component_rich_style("screen--selection"),
                cursor=self.get_component_rich_style("output-pane--cursor", partial=True),
            )
        return self._styles

    def _selected(self) -> tuple[int, int] | None:
        """The offsets in the text between which it is selected."""
        selection = self.text_selection
        return None if selection is None else self._span(selection)

    def _span(self, selection: Selection) -> tuple[int, int]:
        """A selection as offsets in the text, which is one long line to Textual, so that wrapping never moves them."""
        first, last = selection.get_span(0) or (0, 0)
        return self._text.wrapped.snap(first), len(self._text.wrapped) if last < 0 else self._text.wrapped.snap(last)

    def _forget_selection(self) -> None:
        """Select nothing here, before the text that was selected goes."""
        if self.is_attached and self.text_selection is not None:
            self.screen.selections = {
                widget: selection for widget, selection in self.screen.selections.items() if widget is not self
            }
