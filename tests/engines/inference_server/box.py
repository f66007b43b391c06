"""An inference server as its protocol has it, on a real socket: one slot, cumulative frames, either casing."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import sqrt
from typing import Any

from loopback import Call, Loopback
from pydantic.alias_generators import to_camel

EAGER: dict[str, Any] = {
    "model": "gpt2-small",
    "backend": "eager",
    "device": "cpu",
    "max_concurrent_requests": 1,
    "max_tokens": 400,
    "token_limit": 200,
    "activation_token_limit": 200,
    "sae_sets": ["res-jb"],
    "num_layers": 12,
    "endpoints": {"steer_completion": True, "activation_single": True},
    "generation_only": False,
}
VLLM = {**EAGER, "backend": "vllm", "max_concurrent_requests": 8}

WORDS = {"STEERED": [" the", " sea", " is", " deep"], "DEFAULT": [" a", " dog", "<|endoftext|>"]}
WIDTH = 64
NORM = 50.0
SOURCE = "6-res-jb"
COUNT = 256
"""Features of the source."""


def cased(value: Any) -> Any:
    """The same JSON in camelCase."""
    if isinstance(value, dict):
        return {to_camel(name): cased(one) for name, one in value.items()}
    return [cased(one) for one in value] if isinstance(value, list) else value


def tokens_of(text: str) -> list[str]:
    """The text in tokens of four characters."""
    return [text[at : at + 4] for at in range(0, len(text), 4)]


def frame(outputs: object, camel: bool = True) -> bytes:
    """A frame as it travels."""
    return f"data: {json.dumps(cased(outputs) if camel else outputs)}\n\n".encode()


def completion(kind: str, text: str) -> dict[str, object]:
    return {"outputs": [{"type": kind, "output": text}]}


@dataclass
class Box:
    """What the server has, and what a test may change of it."""

    capabilities: dict[str, Any] = field(default_factory=lambda: dict(EAGER))
    words: dict[str, Sequence[str]] = field(
        default_factory=lambda: {
            "STEERED": [" the", " sea", " is", " deep"],
            "DEFAULT": [" a", " dog", "<|endoftext|>"],
        }
    )
    """The tokens of each type."""
    camel: bool = True
    secret: str | None = None
    problem: str | None = None
    """What every request meets while the server is not initialized."""
    looks_to_free: int = 0
    """Looks at /health after which a slot that was left locked is free."""
    pause: asyncio.Event = field(default_factory=asyncio.Event)
    """Streams wait for it behind their second frame."""

    def __post_init__(self) -> None:
        self.pause.set()
        self.slot = asyncio.Lock()
        self.locked_for = 0
        self.server = Loopback(
            {
                "GET /health": self._guarded(self._health, needs_key=False),
                "GET /v1/capabilities": self._guarded(self._capabilities),
                "POST /v1/steer/completion": self._guarded(self._steer),
                "POST /v1/steer/completion-chat": self._guarded(self._chat),
                "POST /v1/tokenize": self._guarded(self._tokenize),
                "POST /v1/activation/single": self._guarded(self._activation),
                "POST /v1/util/sae-vector": self._guarded(self._row),
            }
        )
        self.freed = asyncio.Condition()

    def asked(self, path: str) -> list[Call]:
        """The requests that came for a path."""
        return [call for call in self.server.calls if call.path == path]

    def steered(self) -> list[Any]:
        """The bodies of the completions that were asked for, in order."""
        return [call.json for call in self.asked("/v1/steer/completion")]

    def _guarded(self, handler: Any, needs_key: bool = True) -> Any:
        async def guarded(call: Call) -> None:
            if self.problem is not None:
                await call.answer_json({"error": self.problem}, 500)
            elif needs_key and self.secret is not None and call.headers.get("x-secret-key") != self.secret:
                await call.answer_json({"error": "Invalid or missing X-SECRET-KEY header"}, 401)
            else:
                await handler(call)

        return guarded

    async def _health(self, call: Call) -> None:
        async with self.freed:
            self.locked_for = max(0, self.locked_for - 1)
            self.freed.notify_all()
        await call.answer_json({"status": "healthy"})

    async def _capabilities(self, call: Call) -> None:
        await call.answer_json(self.capabilities)

    async def _steer(self, call: Call) -> None:
        kind = call.json["types"][0]
        await self._stream(call, [completion(kind, text) for text in accumulate(self.words[kind])])

    async def _chat(self, call: Call) -> None:
        kind, asked = call.json["types"][0], call.json["prompt"]
        raw = f"<bos><start_of_turn>user\n{asked[0]['content']}<end_of_turn>\n<start_of_turn>model\n"
        frames = []
        for count in range(1, len(self.words[kind]) + 1):
            written = "".join(self.words[kind][:count])
            content = written.split("<end_of_turn>")[0].strip()
            turn = [{"role": "assistant", "content": content}] if content else []
            outputs = [{"chat_template": [*asked, *turn], "raw": raw + written, "type": kind}]
            frames.append({"outputs": outputs, "input": {"chat_template": asked, "raw": raw}})
        await self._stream(call, frames)

    async def _stream(self, call: Call, frames: Sequence[object]) -> None:
        async with self.freed:
            await self.freed.wait_for(lambda: not self.locked_for)
        await self.slot.acquire()
        try:
            await call.start(content_type="text/event-stream; charset=utf-8")
            for number, one in enumerate(frames[: call.json["n_completion_tokens"]]):
                if number == 2:
                    waits = [asyncio.create_task(self.pause.wait()), asyncio.create_task(call.gone.wait())]
                    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                    for wait in waits:
                        wait.cancel()
                if call.gone.is_set():
                    self.locked_for = self.looks_to_free
                    return
                await call.chunk(frame(one, self.camel))
        finally:
            self.slot.release()

    async def _tokenize(self, call: Call) -> None:
        strings = tokens_of(call.json["text"])
        answer = {"tokens": list(range(len(strings))), "token_strings": strings, "prepend_bos": False}
        await self._answer(call, answer)

    async def _activation(self, call: Call) -> None:
        body, tokens = call.json, tokens_of(call.json["prompt"])
        special = [False] * len(tokens)
        if body.get("vector") is not None:
            # Every residual lies along the first axis, but that of the token that begins a text, which is huge.
            along = body["vector"][0]
            tokens, special = ["<|endoftext|>", *tokens], [True, *special]
            values = [100 * NORM * along, *[NORM * along] * (len(tokens) - 1)]
        elif await self._refuses(call):
            return
        else:
            values = [float(body["index"]) if "sea" in token else 0.0 for token in tokens]
        found = {"values": values, "max_value": max(values), "max_value_index": values.index(max(values))}
        found |= {"dfa_values": None, "dfa_max_value": None, "dfa_target_index": None}
        await self._answer(call, {"activation": found, "tokens": tokens, "tokens_is_special": special})

    async def _row(self, call: Call) -> None:
        if not await self._refuses(call):
            await self._answer(call, {"vector": [1 / sqrt(WIDTH)] * WIDTH, "hook_name": "blocks.6.hook_resid_pre"})

    async def _refuses(self, call: Call) -> bool:
        source, index = call.json["source"], int(call.json["index"])
        problem = ""
        if source != SOURCE:
            problem = f"Found 0 entries when searching for gpt2-small/{source}"
        elif index >= COUNT:
            problem = f"index {index} is out of bounds for dimension 0 with size {COUNT}"
        if problem:
            await call.answer_json({"error": problem, "type": "AssertionError", "traceback": None}, 500)
        return bool(problem)

    async def _answer(self, call: Call, value: object) -> None:
        await call.answer_json(cased(value) if self.camel else value)
