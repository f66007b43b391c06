"""What is known of one feature: its facts, where it fires, and what its dial did."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.color import Color
from textual.content import Content
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

from steer_tui.domain import Context, CurvePoint, Evidence, Feature, FeatureKind, Telltale, safe_line
from steer_tui.domain.evidence import LEAST_SHARE
from steer_tui.tui.widgets.rack import HUES
from steer_tui.tui.wording import value_words

CONTEXTS = 3
"""How many contexts are shown."""

HOTTEST = 0.45
"""How much of the dial's hue lies behind the token that fires most."""

_MARKED = 0.5
"""The share of the strongest activation from which a token is underlined."""

BAR_CELLS = 10

_EIGHTHS = " ▏▎▍▌▋▊▉"

_TELLTALE_WORDS = 8
"""How many of a telltale's words are named."""

_KINDS = {FeatureKind.SAE: "SAE feature"}
"""Kinds whose value is no name for a person."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A feature and what is known of it so far."""

    feature: Feature
    place: int
    """Index of its dial in the rack, also of one that it may yet get: it decides the hue."""
    evidence: Evidence = Evidence()
    note: str = ""
    """A sentence that stands where no evidence is."""


class FeatureDetails(Widget):
    """A page on one feature, as high as what is known."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"dial-rack--hue-{hue}" for hue in range(HUES)}

    explanation: reactive[Explanation | None] = reactive(None, layout=True)
    """What is shown."""

    def render(self) -> Content:
        """Facts first, then where it fires, then what its dial did."""
        known = self.explanation
        if known is None:
            return Content()
        hue = self.get_component_styles(f"dial-rack--hue-{known.place % HUES}").color
        feature, evidence = known.feature, known.evidence
        lines = [*_facts(feature), *_contexts(evidence.contexts[:CONTEXTS], hue)]
        if evidence.curve:
            lines += ["", _heading("What its dial did"), *_curve(evidence.curve, hue)]
        if evidence.telltale is not None:
            lines.append(Content.styled(_criterion(evidence.telltale), "dim"))
        if known.note:
            lines += ["", safe_line(known.note)]
        notch = f"a notch is {feature.unit:.4g}: {safe_line(feature.unit_origin)}"
        return Content("\n").join([*lines, "", Content.styled(f"{safe_line(feature.id)} · {notch}", "dim")])


def density_text(density: float | None) -> str:
    """The share of tokens on which a feature is active, or nothing where it is not known."""
    return "" if density is None else f"{100 * density:.2g} %"


def _heading(words: str) -> Content:
    return Content.styled(words, "bold $text-primary")


def _facts(feature: Feature) -> Iterator[Content | str]:
    kind = _KINDS.get(feature.kind, feature.kind.value)
    yield Content.styled(safe_line(feature.label), "bold") + Content.styled(f" · {kind}", "dim")
    for verb, tokens in (("promotes", feature.promoted), ("suppresses", feature.suppressed)):
        if tokens:
            words = ", ".join(safe_line(token.strip() or token) for token in tokens)
            yield Content.styled(f"{verb} ", "dim") + words
    density = "" if feature.density is None else f"on {density_text(feature.density)} of tokens"
    most = "" if feature.max_activation is None else f"up to {feature.max_activation:.4g}"
    if density or most:
        yield ""
        yield _heading(f"Fires {', '.join(filter(None, (density, most)))}")


def _contexts(contexts: Sequence[Context], hue: Color) -> Iterator[Content]:
    # In this order max() takes 0 rather than a value that is no number.
    peaks = [max((0.0, *context.activations)) for context in contexts]
    width = max((len(f"{peak:.4g}") for peak in peaks), default=0)
    for context, peak in zip(contexts, peaks, strict=True):
        line = Content.styled(f"{peak:>{width}.4g} ", "bold")
        for token, activation in zip(context.tokens, context.activations, strict=False):
            style = _heat(activation / max(peaks), hue) if activation > 0 else Style()
            line += Content.styled(safe_line(token), style + Style(bold=activation == peak > 0))
        yield line


def _heat(share: float, hue: Color) -> Style:
    """The style of a token that fires at a share of the most; colour alone tells nothing."""
    # The terminal's own colours cannot be mixed.
    shade = Style(background=hue.with_alpha(HOTTEST * _kept(share))) if hue.ansi is None else Style(foreground=hue)
    return shade + Style(underline=share >= _MARKED)


def _curve(points: Sequence[CurvePoint], hue: Color) -> Iterator[Content]:
    yield Content.styled("value  share of texts   random   nats", "dim")
    for point in points:
        random = "–" if point.random_share is None else _percent(point.random_share)
        yield Content.assemble(
            (f"{value_words(point.value):>5}  ", "bold"),
            Content.styled(_bar(point.share), Style(foreground=hue)),
            f" {_percent(point.share):>5} {random:>7} {point.nats:>6.2f}",
        )


def _kept(share: float) -> float:
    """The share between 0 and 1; what is no number counts as 0."""
    return min(1.0, max(0.0, share))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _bar(share: float) -> str:
    """A bar of a share, to an eighth of a cell."""
    full, eighths = divmod(round(8 * BAR_CELLS * _kept(share)), 8)
    return f"{'█' * full}{_EIGHTHS[eighths].strip()}".ljust(BAR_CELLS, "·")


def _criterion(telltale: Telltale) -> str:
    """What makes a text one that shows the concept."""
    if telltale.mark is not None:
        times = "" if telltale.least == 1 else f", {telltale.least} times or more"
        return f"A text shows it by “{safe_line(telltale.mark)}”{times}."
    words = sorted(telltale.words)
    more = ", …" if len(words) > _TELLTALE_WORDS else ""
    named = ", ".join(map(safe_line, words[:_TELLTALE_WORDS]))
    return f"A text shows it by words of its own, {_percent(LEAST_SHARE)} or more of all: {named}{more}"
