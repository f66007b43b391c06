"""`steer-tui features`: what the engine can steer by, and the evidence for what each dial does."""

import json
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from itertools import groupby

from steer_tui.cli.files import can_find
from steer_tui.cli.listing import Listing, Wanted, list_wanted
from steer_tui.cli.output import Output
from steer_tui.cli.settings import Settings
from steer_tui.cli.tables import table
from steer_tui.cli.telling import tell
from steer_tui.domain import DOSE_PER_NOTCH, Context, Evidence, Feature, FeatureKind, safe_line
from steer_tui.domain.described import CONTEXTS, feature_to_wire
from steer_tui.engines import Engine, Explains
from steer_tui.engines.names import read_name
from steer_tui.engines.registry import FILE_ENGINES
from steer_tui.generation.patience import patience


async def list_features(settings: Settings, wanted: Wanted) -> None:
    """Print a line a feature for a person, and under them the evidence of the one whose name the query is."""
    output = Output()
    async with aclosing(settings.open_engine()) as engine:
        listing = await _list(settings, engine, wanted)
        if not listing.features:
            tell(_nothing(settings.engine, wanted))
        for line in table([_columns(feature) for feature in listing.features]):
            output.line(line)
        if wanted.query.strip():
            for line in filter(None, map(_notch, listing.features)):
                output.line(line)
        if (feature := _named(listing.features, wanted.query, settings.engine_settings.url)) is not None:
            for line in _details(feature, await _evidence(engine, feature)):
                output.line(line)
    _tell_rest(listing)


async def print_features(settings: Settings, wanted: Wanted) -> None:
    """Print a JSON object a feature, its evidence included; of those that a search found, the evidence of one named."""
    output = Output()
    async with aclosing(settings.open_engine()) as engine:
        listing = await _list(settings, engine, wanted)
        named = _named(listing.features, wanted.query, settings.engine_settings.url)
        for feature in listing.features:
            is_asked = not listing.is_searched or feature is named
            described = feature_to_wire(feature, await _evidence(engine, feature) if is_asked else Evidence())
            output.json(described | ({"ageSeconds": listing.age_seconds} if listing.is_searched else {}))
    _tell_rest(listing)


async def _list(settings: Settings, engine: Engine, wanted: Wanted) -> Listing:
    """What is found; an engine that would load its model first is not asked for what can only be nothing."""
    is_asked = can_find(settings.engine, settings.engine_settings, wanted.query)
    return await list_wanted(engine, wanted) if is_asked else Listing(())


def _nothing(engine: str, wanted: Wanted) -> str:
    if wanted.query.strip() or wanted.offset:
        return f"No feature fits {wanted.query!r}." if not wanted.offset else "There are no more features."
    if engine in FILE_ENGINES:
        return f"The engine {engine} steers by files: name a vector's FILE, or an SAE's FOLDER."
    return f"The engine {engine} lists no features by itself: name one as model/source/index."


def _tell_rest(listing: Listing) -> None:
    if listing.age_seconds is not None:
        tell(f"The answer is {_age(listing.age_seconds)} old: it comes from disk.")
    if listing.next_offset is not None:
        tell(f"More with --offset {listing.next_offset}.")


def _age(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"


async def _evidence(engine: Engine, feature: Feature) -> Evidence:
    if not isinstance(engine, Explains):
        return Evidence()
    async with patience(engine=engine):
        return await engine.evidence(feature)


def _named(features: Sequence[Feature], query: str, url: str | None) -> Feature | None:
    """The one feature whose whole label or id the query is, or the address of its page; an id may lack its model."""
    read = read_name(query, url or "")
    name = (query.strip() if read is None else read.id).casefold()
    named = [feature for feature in features if name in _names(feature)]
    return named[0] if len(named) == 1 else None


def _names(feature: Feature) -> tuple[str, ...]:
    id = feature.id.casefold()
    return feature.label.casefold(), id, id.partition("/")[2]


def _columns(feature: Feature) -> tuple[str, ...]:
    return feature.label, feature.kind.value, _density(feature), feature.id, _quoted(feature.promoted)


def _density(feature: Feature) -> str:
    return "" if feature.density is None else f"{100 * feature.density:.2g} %"


def _quoted(tokens: Sequence[str]) -> str:
    # In quotes, tokens show the spaces and line breaks that they begin with.
    return " ".join(json.dumps(token, ensure_ascii=False) for token in tokens)


def _notch(feature: Feature) -> str:
    """What a notch of a vector's dial adds, and where; nothing of other features, of which more is shown."""
    if feature.kind is not FeatureKind.VECTOR:
        return ""
    norm = "" if feature.residual_norm is None else f", {feature.residual_norm:.4g}: dose {DOSE_PER_NOTCH:g}"
    return f"{feature.label}: a notch adds {feature.unit:.4g} ({feature.unit_origin}{norm})"


def _details(feature: Feature, evidence: Evidence) -> Iterator[str]:
    if feature.suppressed:
        yield from ("", f"{feature.label} suppresses {_quoted(feature.suppressed)}.")
    contexts = evidence.contexts[:CONTEXTS]
    peaks = [max(context.activations, default=0.0) for context in contexts]
    if contexts:
        yield from ("", "It fires most in (« » from half of the highest activation on):")
    for context, peak in zip(contexts, peaks, strict=True):
        yield f"{peak:>8.4g}  {_marked(context, max(peaks) / 2)}"
    if evidence.curve:
        yield from (
            "",
            "What its dial did (share of texts that show it, the same with a random direction, nats a token):",
            "   value    share   random    nats",
        )
    for point in evidence.curve:
        random = "–" if point.random_share is None else _percent(point.random_share)
        value = f"{point.value:+g}" if point.value else "0"
        yield f"{value:>8} {_percent(point.share):>8} {random:>8} {point.nats:>7.2f}"


def _marked(context: Context, least: float) -> str:
    """The text of a context on one line, with marks around what fires at least so much."""
    pieces = []
    tokens = zip(context.tokens, context.activations, strict=True)
    for fires, run in groupby(tokens, key=lambda token: token[1] >= least > 0):
        text = "".join(token for token, _ in run)
        words = text.lstrip(" ")
        pieces.append(f"{' ' * (len(text) - len(words))}«{words}»" if fires else text)
    return safe_line("".join(pieces).strip(" "))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
