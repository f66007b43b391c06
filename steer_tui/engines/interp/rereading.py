"""Reads a text that stands already: the activations of the text under the model left alone, not of a steered run."""

from collections.abc import Sequence

from steer_tui.domain import Feature
from steer_tui.engines.directions.directions import Directions
from steer_tui.engines.door import Reading
from steer_tui.engines.interp.answers import Described
from steer_tui.engines.interp.connection import Connection
from steer_tui.engines.interp.explaining import text_too_long
from steer_tui.engines.interp.projection import Projection
from steer_tui.engines.interp.prompts import Prompts
from steer_tui.engines.texts.alignment import aligned
from steer_tui.engines.texts.markers import stands_before


async def reread(
    text: str,
    features: Sequence[Feature],
    directions: Directions,
    connection: Connection,
    prompts: Prompts,
    described: Described,
) -> Reading:
    """The text's tokens and the features on each; the server tells no log-probabilities of a text that stands."""
    if not text:
        return Reading((), (), ())
    told = await prompts.tokens(text, described, chat=False)
    ids, names = told.token_ids, told.str_tokens
    if len(ids) > described.limits.max_prompt_tokens:
        raise text_too_long(len(ids), described.limits.max_prompt_tokens)
    begin = 1 if names and stands_before(names[0], text) else 0
    rows: tuple[tuple[float, ...], ...] = ((),) * len(ids)
    if features and ids:
        projection = Projection(connection, features, directions)
        projection.check(described.shape)
        rows = tuple(tuple(row) for row in (await projection.read(ids, None)).tolist())
    return Reading(aligned(names[begin:], text), rows[begin:], (None,) * (len(ids) - begin))
