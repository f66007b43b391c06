"""What a search for features has found so far, page by page, and the words for how old it is."""

from steer_tui.engines import Engine
from steer_tui.engines.services import FeaturePage, Searches
from steer_tui.generation.patience import finding

LISTED = 200
"""How many features are listed at most where an engine lists them all at once."""

_AGES = (("day", 86_400), ("hour", 3_600), ("minute", 60))


async def find_page(engine: Engine, query: str, offset: int = 0) -> FeaturePage:
    """A page of what the engine finds, or what it offers to begin with; raises what the engine raises, and TimedOut."""
    async with finding(engine):
        if isinstance(engine, Searches) and query.strip():
            return await engine.search(query, offset)
        return FeaturePage(tuple(await engine.find_features(query, LISTED)))


def age_words(seconds: float) -> str:
    """How long ago an answer that was kept on disk had been given."""
    for unit, length in _AGES:
        count = int(seconds // length)
        if count:
            return f"kept {count} {unit}{'s' if count > 1 else ''} ago"
    return "kept just now"
