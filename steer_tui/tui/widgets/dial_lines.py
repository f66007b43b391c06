"""How a dial is drawn: two lines of cells, from plain values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style

from steer_tui.domain import VALUE_MAX, VALUE_MIN, Dial, Method, safe_line
from steer_tui.tui.wording import shortened

NAME_WIDTH = 12
VALUE_WIDTH = 6
ONE_LINE_VALUE_WIDTH = 12
"""Room for the longest value, `muted -10.0`, so that the sliders of one-line dials stand below each other."""

BREAKING_VALUE = 8.0
"""Above this many notches, 0.32 of the residual norm, a text begins to break: +10 costs the embedded one 0.5 nats."""

SPARKS = "▁▂▃▄▅▆▇█"
MARGIN = 2
"""Cells left of a dial, the first of which marks the chosen one."""


@dataclass(frozen=True, slots=True)
class DialStyles:
    """The styles that a dial is drawn with."""

    hue: Style
    quiet: Style
    value: Style
    warning: Style


def value_text(dial: Dial) -> str:
    """The value with its sign, as it stands at the right of a dial; far out, rounded to what there is room for."""
    if abs(dial.value) < 99.95:
        return f"{dial.value:+.1f}" if dial.value else "0.0"
    return f"{dial.value:+.0f}" if abs(dial.value) < 9999.5 else powered(f"{dial.value:+.0e}")


def powered(number: str) -> str:
    """A number's power of ten in as few characters as it needs: `5e9` for `5e+09`."""
    digits, mark, power = number.partition("e")
    return f"{digits}{mark}{int(power)}" if mark else number


def breaks(dial: Dial, method: Method) -> bool:
    """Whether the dial pushes so hard that a text begins to break; the methods that take away push nothing."""
    return method in (Method.ADDITIVE, Method.PIN) and abs(dial.value) > BREAKING_VALUE


def sparkline(activations: Sequence[float], maximum: float | None, width: int) -> str:
    """The latest `width` activations as bars, one a token, full height at `maximum` (None: their own)."""
    latest = activations[-width:] if width > 0 else []
    top = maximum or max((0.0, *latest)) or 1.0
    # In this order max() takes 0 rather than a value that is no number.
    bars = "".join(SPARKS[round(min(7.0, max(0.0, 7 * value / top)))] for value in latest)
    return bars.rjust(max(0, width))


def _mark(chosen: bool, styles: DialStyles) -> list[Segment]:
    return [Segment("▎" if chosen else " ", styles.hue), Segment(" ")]


def _name(dial: Dial, width: int, styles: DialStyles, chosen: bool) -> Segment:
    name = set_cell_size(shortened(dial.feature.label, width - 1), width)
    return Segment(name, styles.quiet if dial.muted else styles.hue + Style(bold=chosen))


def _value(dial: Dial, method: Method, typed: str | None, styles: DialStyles) -> Segment:
    if typed is not None:
        text, style = f"{typed}▏", styles.value + Style(underline=True)
    elif dial.muted:
        text, style = f"muted {value_text(dial)}", styles.quiet
    elif method is Method.ABLATE:
        text, style = "on" if dial.is_on else "off", styles.value if dial.is_on else styles.quiet
    elif breaks(dial, method):
        text, style = f"! {value_text(dial)}", styles.warning
    else:
        text, style = value_text(dial), styles.value if dial.value else styles.quiet
    return Segment(text.rjust(max(VALUE_WIDTH, len(text) + 1)), style)


def name_line(
    dial: Dial,
    method: Method,
    activations: Sequence[float],
    typed: str | None,
    width: int,
    styles: DialStyles,
    chosen: bool,
) -> list[Segment]:
    """The first line: name, sparkline, value; `typed` is what has been typed of a new value."""
    inner = max(1, width - MARGIN - 1)
    value = _value(dial, method, typed, styles)
    name_width = min(max(NAME_WIDTH, cell_len(safe_line(dial.feature.label)) + 1), max(1, inner - len(value.text)))
    spark_width = max(0, inner - name_width - len(value.text))
    return [
        *_mark(chosen, styles),
        _name(dial, name_width, styles, chosen),
        Segment(sparkline(activations, dial.feature.max_activation, spark_width), styles.hue),
        value,
        Segment(" "),
    ]


@dataclass(frozen=True, slots=True)
class Track:
    """Where the slider lies in its line: `cells` of them from `left` on; an odd number, so that 0 has its own."""

    left: int
    cells: int

    @classmethod
    def in_two_lines(cls, width: int) -> "Track":
        """The slider of a dial that is two lines high."""
        return cls.odd(MARGIN, width - MARGIN - 1)

    @classmethod
    def in_one_line(cls, width: int, name_width: int) -> "Track":
        """The slider of a dial that is one line high: it stands between name and value."""
        return cls.odd(MARGIN + name_width, width - MARGIN - name_width - ONE_LINE_VALUE_WIDTH)

    @classmethod
    def odd(cls, left: int, room: int) -> "Track":
        """The largest odd number of cells, at least 3, that there is room for."""
        return cls(left, max(3, room - 1 + room % 2))

    def knob(self, value: float) -> int:
        """The cell under the knob, 0..cells − 1; a value outside the ends stands at the end."""
        share = (min(max(value, VALUE_MIN), VALUE_MAX) - VALUE_MIN) / (VALUE_MAX - VALUE_MIN)
        return round(share * (self.cells - 1))

    def value_at(self, x: int) -> float:
        """The value that a click on a column of the line means, in tenths."""
        share = min(max(x - self.left, 0), self.cells - 1) / (self.cells - 1)
        return round(VALUE_MIN + share * (VALUE_MAX - VALUE_MIN), 1) + 0.0


def _slider(dial: Dial, method: Method, track: Track, styles: DialStyles, chosen: bool) -> list[Segment]:
    zero, knob = track.cells // 2, track.knob(dial.value)
    low, high = min(zero, knob), max(zero, knob)
    has_effect = dial.is_on and method is not Method.ABLATE  # which does the same at every value
    lit = styles.hue if has_effect else styles.quiet
    filled = "━" * (high - low - 1)
    sign = "»" if dial.value > VALUE_MAX else "«" if dial.value < VALUE_MIN else "●"
    if knob == zero:
        middle = "●" if chosen or dial.value else "○"
    elif knob > zero:
        middle = f"┝{filled}{sign}"
    else:
        middle = f"{sign}{filled}┥"
    rest = "─" * (track.cells - high - 1)
    return [Segment("─" * low, styles.quiet), Segment(middle, lit), Segment(rest, styles.quiet)]


def slider_line(dial: Dial, method: Method, width: int, styles: DialStyles, chosen: bool) -> list[Segment]:
    """The second line: the track, filled from the zero mark to the knob, or to a mark that the value lies beyond."""
    return [*_mark(chosen, styles), *_slider(dial, method, Track.in_two_lines(width), styles, chosen)]


def name_room(dials: Iterable[Dial], width: int) -> int:
    """The cells for the names of dials that are one line high: what the longest needs, and a third at the most."""
    longest = max((cell_len(safe_line(dial.feature.label)) + 1 for dial in dials), default=0)
    return max(NAME_WIDTH, min(longest, width // 3))


def one_line(
    dial: Dial,
    method: Method,
    typed: str | None,
    width: int,
    name_width: int,
    styles: DialStyles,
    chosen: bool,
) -> list[Segment]:
    """A dial where there are few lines: name, slider, value."""
    name = _name(dial, name_width, styles, chosen)
    slider = _slider(dial, method, Track.in_one_line(width, name_width), styles, chosen)
    value = _value(dial, method, typed, styles)
    return [*_mark(chosen, styles), name, *slider, Segment(value.text.rjust(ONE_LINE_VALUE_WIDTH - 1), value.style)]
