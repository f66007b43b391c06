"""Reads a text that stands already: the activations of the text under the model left alone, not of a steered run."""

from collections.abc import Sequence

from steer_tui.domain import Feature, Malformed
from steer_tui.engines.door import Reading
from steer_tui.engines.inference_server.answers import ActivationAnswer, TokenizeAnswer
from steer_tui.engines.inference_server.connection import Connection
from steer_tui.engines.inference_server.explaining import text_too_long
from steer_tui.engines.inference_server.random_name import RandomName
from steer_tui.engines.inference_server.scale import Scales, random_unit
from steer_tui.engines.inference_server.steering import name_of
from steer_tui.engines.inference_server.tokens import Tokens, most_tokens
from steer_tui.engines.texts.alignment import aligned
from steer_tui.wire import read_answer


class Rereader:
    """Reads texts at one server, a request for each feature."""

    def __init__(self, connection: Connection, tokens: Tokens, scales: Scales) -> None:
        self._connection = connection
        self._tokens = tokens
        self._scales = scales

    async def reread(self, text: str, features: Sequence[Feature], model: str) -> Reading:
        """The text's tokens and the features on each; the server tells no log-probabilities."""
        if not text:
            return Reading((), (), ())
        await self._check_length(text, model)
        if not features:
            body = {"model": model, "text": text, "prepend_bos": False}
            told = read_answer(TokenizeAnswer, await self._connection.post("/v1/tokenize", body))
            return _reading(told.token_strings, [], text)
        columns = [await self._column(text, feature, model) for feature in features]
        tokens = columns[0][0]
        if any(column[0] != tokens for column in columns):
            raise Malformed("The server has cut the same text into other tokens for another feature.")
        return _reading(tokens, [values for _, values in columns], text)

    async def _check_length(self, text: str, model: str) -> None:
        limit = self._connection.capabilities.activation_token_limit
        if limit is None or most_tokens(text) <= limit:
            return
        count = await self._tokens.count(text, model)
        if count is not None and count > limit:
            raise text_too_long(count, limit)

    async def _column(self, text: str, feature: Feature, model: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
        name = name_of(feature)
        what: dict[str, object]
        if isinstance(name, RandomName):
            row = await self._scales.row(name.like, model)
            what = {"model": model, "vector": random_unit(name.seed, len(row.values)), "hook": row.hook}
        else:
            what = {"model": name.model or model, "source": name.source, "index": str(name.index)}
        told = await self._connection.post("/v1/activation/single", {"prompt": text, **what})
        answer = read_answer(ActivationAnswer, told)
        values, tokens = answer.activation.values, answer.tokens
        if len(values) != len(tokens):
            raise Malformed(f"The server sent {len(values)} activations for {len(tokens)} tokens.")
        if answer.tokens_is_special[:1] == (True,) and not text.startswith(tokens[0]):
            tokens, values = tokens[1:], values[1:]  # the token that begins a text is none of the text's own
        return tokens, values


def _reading(tokens: Sequence[str], columns: Sequence[Sequence[float]], text: str) -> Reading:
    rows = tuple(zip(*columns, strict=True)) if columns else ((),) * len(tokens)
    return Reading(aligned(tokens, text), rows, (None,) * len(tokens))
