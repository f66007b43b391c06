"""How many tokens a prompt has, asked only where it may be too many."""

from steer_tui.domain import GenerationRequest, Malformed, Rejected, Unsupported
from steer_tui.engines.inference_server.answers import TokenizeAnswer, read_answer
from steer_tui.engines.inference_server.connection import Connection
from steer_tui.engines.inference_server.explaining import prompt_too_long

_AROUND = 2
"""Tokens that may stand beside those of a text's bytes: one that begins it, and a space put before it."""


def most_tokens(text: str) -> int:
    """A number that the tokens of a text never exceed: each holds at least a byte."""
    return len(text.encode(errors="surrogatepass")) + _AROUND


class Tokens:
    """Counts the tokens of texts; the latest answer is kept, since both lanes and every turn of a dial ask for it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._latest: tuple[str, str, int | None] = ("", "", 0)

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

    async def _ask(self, text: str, model: str) -> int | None:
        body = {"model": model, "text": text, "prepend_bos": False}
        try:
            return len(read_answer(TokenizeAnswer, await self._connection.post("/v1/tokenize", body)).tokens)
        except (Unsupported, Rejected, Malformed):
            return None  # then the server's own words tell, when it is asked
