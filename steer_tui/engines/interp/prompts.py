"""Texts in the model's own tokens, as the server cuts them."""

from dataclasses import dataclass

from steer_tui.domain import GenerationRequest
from steer_tui.engines.interp.answers import Described, Tokens
from steer_tui.engines.interp.connection import Connection
from steer_tui.engines.interp.explaining import no_template, prompt_too_long, too_many_tokens
from steer_tui.wire import read_answer

_WORDS = "one two three"


@dataclass(frozen=True, slots=True)
class _Latest:
    text: str
    chat: bool
    described: Described
    tokens: Tokens


class Prompts:
    """Asks for the tokens of prompts; the latest are kept, since both lanes and every turn of a dial need them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._latest: _Latest | None = None

    async def of(self, request: GenerationRequest, described: Described) -> tuple[int, ...]:
        """The tokens of what is asked; raises for a request that the server does not take.

        Nothing is cut off: what is too long is told before it is sent.
        """
        limits, wanted = described.limits, request.sampling.max_tokens
        if wanted > limits.max_new_tokens:
            raise too_many_tokens(wanted, limits.max_new_tokens)
        tokens = await self.tokens(request.prompt, described, chat=request.chat)
        if len(tokens.token_ids) > limits.max_prompt_tokens:
            raise prompt_too_long(len(tokens.token_ids), limits.max_prompt_tokens)
        return tokens.token_ids

    async def tokens(self, text: str, described: Described, *, chat: bool) -> Tokens:
        """A text as the model begins one, or as a message in its template up to where the answer begins."""
        latest = self._latest
        if latest is not None and (latest.text, latest.chat) == (text, chat) and latest.described is described:
            return latest.tokens
        if chat and not described.has_chat_template:
            raise no_template()
        asked: dict[str, object] = (
            {"messages": [{"role": "user", "content": text}], "add_generation_prompt": True} if chat else {"text": text}
        )
        tokens = read_answer(Tokens, await self._connection.post("/v1/tokenize", asked))
        self._latest = _Latest(text, chat, described, tokens)
        return tokens

    async def have_spaces(self, described: Described) -> bool:
        """Whether a word's token, decoded alone, comes with the space before it."""
        told = await self.tokens(_WORDS, described, chat=False)
        return _WORDS.count(" ") <= "".join(told.str_tokens).strip().count(" ")
