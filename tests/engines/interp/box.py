"""An interp-engine server as its protocol has it, on a real socket, with a model that a test can compute itself.

A text has a token for each word with the space before it. The residual of token number i is (i + 1, 1, layer, 0) at
every layer, with all that is added at that layer or below; nothing else acts on it. What is written does not depend
on it: without steering it is one text, and with any another.
"""

import asyncio
import base64
import json
import re
from collections import defaultdict
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from engines.interp.bodies import Capture, Generate, Project, Steering, Tensor, Tokenize
from loopback import Call, Loopback
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

LAYERS, WIDTH = 3, 4
BEGIN, END = "<s>", "</s>"
MODEL = "tiny/three-layers"


def described(**changes: Any) -> dict[str, Any]:
    """What the server says of itself."""
    limits = {"max_prompt_tokens": 200, "max_new_tokens": 64, "max_capture_points": 8, "max_directions": 65536}
    return {
        "description": {
            "backend": changes.get("backend", "eager"),
            "hf_model_id": MODEL,
            "n_layers": LAYERS,
            "d_model": WIDTH,
            "n_heads": 1,
        },
        "recommended_sampling": {"temperature": 0.6, "top_k": 20},
        "has_chat_template": changes.get("has_chat_template", True),
        "engine_version": "1.14.2",
        "load": {"backend": "eager", "dtype": "auto", "quantization": "", "num_gpus": 1},
        "limits": limits | {"max_concurrency": 1} | changes.get("limits", {}),
    }


def array_of(tensor: Tensor) -> NDArray[np.float32]:
    """The numbers that came."""
    assert tensor.dtype == "float32"
    return np.frombuffer(base64.b64decode(tensor.data), "<f4").reshape(tensor.shape)


def tensor_of(values: NDArray[np.floating[Any]]) -> dict[str, Any]:
    """Numbers as they travel."""
    data = base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()
    return {"dtype": "float32", "shape": list(values.shape), "data": data}


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, detail: object, **headers: str) -> None:
        self.status, self.detail, self.headers = status, detail, headers


@dataclass
class Box:
    """What the server has, and what a test may change of it."""

    told: dict[str, Any] = field(default_factory=described)
    steered: Sequence[str] = (" the", " sea", " is", " deep")
    default: Sequence[str] = (" a", " dog", END)
    token: str | None = None
    cut_after: int | None = None
    """Lines of a stream after which the connection is lost."""
    pause_at: int | None = None
    """Lines of a stream after which it waits for `pause`."""
    hold: str | None = None
    """The path whose answers wait for `pause`."""
    problem: Refused | None = None
    """What is answered to all that needs the model."""
    problems: dict[str, Refused] = field(default_factory=dict)
    """What is answered to a path."""
    has_effect: bool = True

    def __post_init__(self) -> None:
        self.pause = asyncio.Event()
        self.came: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)  # by path, once it has been asked
        self.slots = asyncio.Semaphore(self.told["limits"]["max_concurrency"])
        self.words = [BEGIN, END]
        self.server = Loopback(
            {
                "GET /health": self._health,
                "GET /v1/describe": self.guarded(self._describe),
                "POST /v1/tokenize": self.guarded(self._tokenize),
                "POST /v1/generate": self.guarded(self._generate),
                "POST /v1/project": self.guarded(self._project),
                "POST /v1/capture": self.guarded(self._capture),
            }
        )

    def asked(self, path: str) -> list[Call]:
        """The requests that came for a path."""
        return [call for call in self.server.calls if call.path == path]

    def bodies(self, path: str = "/v1/generate") -> list[Any]:
        """Their bodies."""
        return [call.json for call in self.asked(path)]

    def id_of(self, word: str) -> int:
        if word not in self.words:
            self.words.append(word)
        return self.words.index(word)

    async def _health(self, call: Call) -> None:
        await call.answer_json({"status": "ready", "model": MODEL})

    def guarded(self, handler: Any) -> Any:
        """A handler of this server's, whose refusals are answers."""

        async def guarded(call: Call) -> None:
            self.came[call.path].set()
            try:
                if self.token is not None and call.headers.get("authorization") != f"Bearer {self.token}":
                    raise Refused(401, "missing or wrong bearer token")
                if problem := self.problem or self.problems.get(call.path):
                    raise problem
                if call.path == self.hold:
                    await self._wait(call)
                await handler(call)
            except ValidationError as error:
                detail = [{"loc": ["body", *one["loc"]], "msg": one["msg"]} for one in error.errors()]
                await call.answer_json({"detail": detail}, 422)
            except Refused as error:
                if error.status == 500:
                    await call.answer("Internal Server Error", 500, "text/plain; charset=utf-8")
                else:
                    await call.answer_json({"detail": error.detail}, error.status, error.headers)

        return guarded

    async def _describe(self, call: Call) -> None:
        await call.answer_json(self.told)

    async def _tokenize(self, call: Call) -> None:
        body = Tokenize.model_validate(call.json)
        text = body.text
        if body.messages is not None:
            if not self.told["has_chat_template"]:
                raise Refused(422, "This model's tokenizer has no chat template")
            text = "".join(f"<{one.role}> {one.content} " for one in body.messages) + "<assistant>"
        tokens = [BEGIN, *re.findall(r"\s*\S+|\s+$", text or "")]
        await call.answer_json({"token_ids": [self.id_of(one) for one in tokens], "str_tokens": tokens, "spans": None})

    async def _generate(self, call: Call) -> None:
        body = self._checked(Generate, call)
        if body.max_tokens > self.told["limits"]["max_new_tokens"]:
            raise Refused(422, "max_tokens is too large")
        words = self.steered if body.steering and self.has_effect else self.default
        lines: list[dict[str, Any]] = [{"type": "start", "sampling": {"temperature": body.temperature}}]
        for word in words[: body.max_tokens]:
            lines.append({"type": "token", "token_id": self.id_of(word), "token_str": word})
            if word == END:
                break
        count = len(lines) - 1
        is_whole = count < body.max_tokens or lines[-1].get("token_str") == END
        lines.append({"type": "done", "finish": "eos" if is_whole else "length", "n_tokens": count})
        async with self._slot():
            await call.start(content_type="application/x-ndjson")
            for number, line in enumerate(lines):
                if number == self.pause_at:
                    await self._wait(call)
                if number == self.cut_after:
                    await call.cut()
                if number == self.cut_after or call.gone.is_set():
                    return
                await call.chunk(json.dumps(line).encode() + b"\n")

    async def _project(self, call: Call) -> None:
        body = self._checked(Project, call)
        async with self._slot():
            values = []
            for one in body.directions:
                projected = self._residuals(body.prompt_token_ids, one.point, body.steering) @ array_of(one.vectors).T
                values.append(projected if one.bias is None else projected + array_of(one.bias))
        await call.answer_json({"values": [tensor_of(one) for one in values]})

    async def _capture(self, call: Call) -> None:
        body = self._checked(Capture, call)
        if len(body.points) > self.told["limits"]["max_capture_points"]:
            raise Refused(422, "too many points requested")
        async with self._slot():
            found = {point: self._residuals(body.prompt_token_ids, point, body.steering) for point in body.points}
        await call.answer_json({"activations": {point: tensor_of(values) for point, values in found.items()}})

    def _checked(self, kind: type[Any], call: Call) -> Any:
        body: BaseModel = kind.model_validate(call.json)
        ids = body.prompt_token_ids  # type: ignore[attr-defined]
        if len(ids) > self.told["limits"]["max_prompt_tokens"]:
            raise Refused(422, "prompt has too many tokens")
        if any(not 0 <= one < len(self.words) for one in ids):
            raise Refused(422, "token ids are outside this model's vocabulary")
        for spec in body.steering or ():  # type: ignore[attr-defined]
            for layer, operations in spec.layers.items():
                _depth(f"{spec.point}.{layer}")
                for one in operations:
                    if array_of(one.vector).size != WIDTH:
                        raise Refused(422, f"layer {layer} {one.method} vector has the wrong size")
        return body

    def _residuals(self, ids: Sequence[int], point: str, steering: Sequence[Steering] | None) -> NDArray[np.float32]:
        depth = _depth(point)
        rows = np.array([[at + 1, 1, depth, 0] for at in range(len(ids))], np.float32)
        for spec in steering or ():
            for layer, operations in spec.layers.items():
                for one in operations if _depth(f"{spec.point}.{layer}") <= depth else ():
                    assert one.method == "additive", "this model computes with no other method"
                    rows = rows + one.scale * array_of(one.vector)
        return rows

    @asynccontextmanager
    async def _slot(self) -> Any:
        async with self.slots:
            yield

    async def _wait(self, call: Call) -> None:
        waits = [asyncio.create_task(self.pause.wait()), asyncio.create_task(call.gone.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


def _depth(point: str) -> int:
    """How deep a point lies: what the first block reads at -1. A layer that is none gives what the server gives."""
    if point == "resid_pre.0":
        return -1
    layer = int(point.removeprefix("resid_post."))
    if not 0 <= layer < LAYERS:
        raise Refused(500, None)
    return layer
