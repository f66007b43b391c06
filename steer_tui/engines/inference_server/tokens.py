"""How many tokens a prompt has, asked only where it may be too many."""

from steer_tui.domain import GenerationRequest, Malformed, Rejected, Unsupported
from steer_tui.engines.inference_server.answers import TokensAnswer
from steer_tui.engines.inference_server.connection import Connection
from steer_tui.engines.inference_server.explaining import prompt_too_long
from steer_tui.engines.inference_server.steering import chat_messages
from steer_tui.wire import JsonObject, read_answer

_AROUND = 2
"""Tokens that may stand beside those of a text's bytes: one that begins it, and a space put before it."""

_TEMPLATE = 256
"""Tokens that a chat's template may put around a message; where so many might matter, they are counted."""


def most_tokens(text: str) -> int:
    """A number that the tokens of a text never exceed: each holds at least a byte."""
    return len(text.encode(errors="surrogatepass")) + _AROUND


class Tokens:
    """Counts the tokens of texts; the latest answer is kept, since both lanes and every turn of a dial ask for it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._latest: tuple[str, str, int | None] = ("", "", 0)
        self._latest_chat: tuple[str, str, int | None] = ("", "", 0)

    async def count(self, text: str, model: str) -> int | None:
        """The tokens of the text alone, or None where the server cannot tell."""
        if self._latest[:2] != (text, model):
            self._latest = (text, model, await self._ask(text, model))
        return self._latest[2]

    async def budget(self, request: GenerationRequest, model: str) -> int:
        """How many tokens the server has room to write; raises Rejected for a prompt that is too long."""
        wanted, prompt = request.sampling.max_tokens, request.prompt
        capabilities = self._connection.capabilities
        limit, room = capabilities.token_limit, capabilities.max_tokens
        most = most_tokens(prompt)
        if (limit is None or most <= limit) and (room is None or most + wanted <= room):
            return wanted
        tokens = await self.count(prompt, model)
        if tokens is None:
            return wanted
        if limit is not None and tokens > limit:
            raise prompt_too_long(tokens, limit)
        return wanted if room is None else max(1, min(wanted, room - tokens - 1))

    async def chat_budget(self, request: GenerationRequest, model: str) -> int:
        """The same in a chat, whose template takes a part of the room; a prompt that is too long the server refuses."""
        wanted, room = request.sampling.max_tokens, self._connection.capabilities.max_tokens
        if room is None or most_tokens(request.prompt) + _TEMPLATE + wanted <= room:
            return wanted
        tokens = await self._count_chat(request.prompt, model)
        return wanted if tokens is None else max(1, min(wanted, room - tokens))

    async def _count_chat(self, prompt: str, model: str) -> int | None:
        """The tokens of a message as its template puts it before the model, or None where the server cannot tell."""
        if self._latest_chat[:2] != (prompt, model):
            count = await self._count("/v1/apply-chat-template", {"messages": chat_messages(prompt)})
            self._latest_chat = (prompt, model, count)
        return self._latest_chat[2]

    async def _ask(self, text: str, model: str) -> int | None:
        return await self._count("/v1/tokenize", {"model": model, "text": text, "prepend_bos": False})

    async def _count(self, path: str, body: JsonObject) -> int | None:
        try:
            return len(read_answer(TokensAnswer, await self._connection.post(path, body)).tokens)
        except (Unsupported, Rejected, Malformed):
            return None  # then the server's own words tell, when it is asked
