"""A vLLM server as its protocol has it, on a real socket, that is steered in one of two ways."""

import asyncio
import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import zstandard
from engines.vllm.protocol import LAYERS, WIDTH, Asked
from loopback import Call, Loopback
from numpy.typing import NDArray
from pydantic import ValidationError

LENS, EASY = "vllm-lens", "easysteer"
MODEL = "org/model"
KEY = "k3y"
DONE = b"data: [DONE]\n\n"


def frame(value: object) -> bytes:
    """A frame as it travels."""
    return f"data: {json.dumps(value)}\n\n".encode()


def piece(text: str, finish: str | None = None, stop: object = None, tokens: Sequence[str] | None = None) -> object:
    """A frame of a completion that adds a text; `tokens` are those that the log-probabilities name."""
    choice: dict[str, object] = {"index": 0, "text": text, "finish_reason": finish, "stop_reason": stop}
    if tokens is not None:
        named = {"tokens": tokens, "token_logprobs": [-0.5] * len(tokens), "text_offset": [0] * len(tokens)}
        choice["logprobs"] = {**named, "top_logprobs": [{}] * len(tokens)}
    return {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": MODEL, "choices": [choice]}


def chat_piece(delta: Mapping[str, object], finish: str | None = None, token: str | None = None) -> object:
    """A frame of a chat."""
    choice: dict[str, object] = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    if token is not None:
        choice["logprobs"] = {"content": [{"token": token, "logprob": -0.5, "bytes": [1], "top_logprobs": []}]}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": [choice]}


def error_body(message: str, code: int, kind: str = "BadRequestError") -> object:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def tokens_of(text: str) -> list[str]:
    """The text in tokens of four characters."""
    return [text[at : at + 4] for at in range(0, len(text), 4)]


def residual(layer: int, token: str, is_first: bool) -> NDArray[np.float32]:
    """What stands behind a layer: of length 10 + layer, along an axis that the token decides; the first one's is huge.

    All of its numbers are numbers of bfloat16 too.
    """
    row = np.zeros(WIDTH, np.float32)
    row[zlib.crc32(token.encode()) % WIDTH] = (10 + layer) * (64 if is_first else 1)
    return row


def as_bfloat16(values: NDArray[np.float32]) -> bytes:
    return (values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()


def packed(values: NDArray[np.float32], **told: object) -> dict[str, object]:
    """An array as vllm-lens sends it."""
    raw = zstandard.ZstdCompressor(level=1).compress(as_bfloat16(values))
    about = {"dtype": "int16", "original_dtype": "torch.bfloat16", "shape": list(values.shape), "compression": "zstd"}
    return {"data": base64.b64encode(raw).decode(), **about, **told}


@dataclass
class Box:
    """What the server has, and what a test may change of it."""

    kind: str = LENS
    words: dict[bool, Sequence[str]] = field(
        default_factory=lambda: {True: [" the", " sea", " is", " deep"], False: [" a", " dog"]}
    )
    """The tokens that it writes when it is steered, and when not."""
    models: Sequence[Mapping[str, object]] = ({"id": MODEL, "root": "/models/m", "max_model_len": 400},)
    key: str | None = None
    begins: bool = True
    """Whether the model puts a token before each text."""
    captures: bool = True
    """Whether the plugin is there, so that activations are sent along."""
    obeys: bool = True
    """Whether steering has an effect."""
    steers_by_default: bool = False
    pause: asyncio.Event = field(default_factory=asyncio.Event)
    """Streams wait for it behind their second frame."""

    def __post_init__(self) -> None:
        self.pause.set()
        self.streams = 0
        """How many are open."""
        self._changed = asyncio.Condition()
        routes = {
            "GET /v1/models": self._models,
            "POST /v1/completions": self._completion,
            "POST /v1/chat/completions": self._completion,
        }
        if self.kind == LENS:
            routes["GET /v1/activations/none"] = self._activations
        else:
            routes["GET /v1/steering"] = self._steering
        self.server = Loopback({path: self._guarded(handler) for path, handler in routes.items()})

    def streamed(self) -> list[Asked]:
        """The requests for streams, in order."""
        bodies = [call.json for call in self.server.calls if call.method == "POST"]
        return [Asked.model_validate(body) for body in bodies if body.get("stream")]

    def read(self) -> list[Asked]:
        """The requests for texts to be read, in order."""
        bodies = [call.json for call in self.server.calls if call.method == "POST"]
        return [Asked.model_validate(body) for body in bodies if not body.get("stream")]

    async def streaming(self, count: int) -> None:
        """Wait until so many streams are open."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.streams == count)

    async def _count(self, more: int) -> None:
        async with self._changed:
            self.streams += more
            self._changed.notify_all()

    def _guarded(self, handler: Any) -> Any:
        async def guarded(call: Call) -> None:
            if self.key is not None and call.headers.get("authorization") != f"Bearer {self.key}":
                await call.answer_json({"error": "Unauthorized"}, 401)
            else:
                await handler(call)

        return guarded

    async def _models(self, call: Call) -> None:
        await call.answer_json({"object": "list", "data": [{"object": "model", **model} for model in self.models]})

    async def _activations(self, call: Call) -> None:
        known = self.captures
        await call.answer_json(
            error_body("Unknown or expired activation handle" if known else "Not Found", 404, "Not Found"), 404
        )

    async def _steering(self, call: Call) -> None:
        await call.answer_json({"active": self.steers_by_default})

    async def _completion(self, call: Call) -> None:
        try:
            asked = Asked.model_validate(call.json)
            pushes = asked.pushes
        except (ValidationError, AssertionError) as error:
            await call.answer_json(error_body(str(error), 400), 400)
            raise
        if asked.model not in [model["id"] for model in self.models]:
            problem = f"The model `{asked.model}` does not exist."
            await call.answer_json(error_body(problem, 404, "NotFoundError"), 404)
        elif asked.stream:
            await self._stream(call, asked, bool(pushes) and self.obeys)
        else:
            await self._read(call, asked)

    async def _stream(self, call: Call, asked: Asked, is_steered: bool) -> None:
        await self._count(1)
        try:
            await call.start(content_type="text/event-stream; charset=utf-8")
            if asked.messages is not None:
                await call.chunk(frame(chat_piece({"role": "assistant", "content": ""})))
            for number, one in enumerate(self._frames(asked, is_steered)):
                if number == 2:
                    waits = [asyncio.create_task(self.pause.wait()), asyncio.create_task(call.gone.wait())]
                    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                    for wait in waits:
                        wait.cancel()
                if call.gone.is_set():
                    return
                await call.chunk(frame(one))
            await call.chunk(DONE)
        finally:
            await self._count(-1)

    def _frames(self, asked: Asked, is_steered: bool) -> Sequence[object]:
        words, text = list(self.words[is_steered]), ""
        found: list[object] = []
        for number, word in enumerate(words, 1):
            met = next((stop for stop in asked.stop if stop in text + word), None)
            if met is not None:
                found.append(self._piece(asked, (text + word).split(met)[0][len(text) :], "stop", met, word))
                return found
            text += word
            is_last = number == asked.max_tokens
            found.append(self._piece(asked, word, "length" if is_last else None, None, word))
            if is_last:
                return found
        return [*found, self._piece(asked, "", "stop", None, "</s>")]

    @staticmethod
    def _piece(asked: Asked, text: str, finish: str | None, stop: str | None, token: str) -> object:
        if asked.messages is not None:
            return chat_piece({"content": text}, finish, token)
        return piece(text, finish, stop, [token])

    async def _read(self, call: Call, asked: Asked) -> None:
        assert asked.pushes == {}, "texts are read without steering"
        tokens = tokens_of(asked.prompt if asked.messages is None else f"<user>{asked.messages[0].content}<model>")
        if self.begins:
            tokens = ["<s>", *tokens]
        choice: dict[str, object] = {"index": 0, "text": " x", "finish_reason": "length", "stop_reason": None}
        if asked.echo:
            logprobs = [None, *(-0.25 * number for number in range(1, len(tokens)))]
            choice["logprobs"] = {"tokens": [*tokens, " x"], "token_logprobs": [*logprobs, -9.0], "text_offset": []}
        answer: dict[str, object] = {"object": "text_completion", "model": MODEL, "choices": [choice]}
        answer["usage"] = {"prompt_tokens": len(tokens), "completion_tokens": 1, "total_tokens": len(tokens) + 1}
        layers = [layer for layer in sorted(set(asked.captured or ())) if layer < LAYERS]
        if layers and self.captures:
            rows = [[residual(layer, token, not at) for at, token in enumerate(tokens)] for layer in layers]
            answer["activations"] = {"residual_stream": packed(np.array(rows, np.float32))}
        await call.answer_json(answer)
