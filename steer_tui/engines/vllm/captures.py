"""The residual stream as vllm-lens captures it, while it reads a text that nothing steers."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from steer_tui.domain import Malformed, Unsupported, safe_line
from steer_tui.engines.directions.tensors import byte_count, from_base64, from_bytes
from steer_tui.engines.vllm.answers import Completion, Piece, Tensor
from steer_tui.engines.vllm.bodies import CHATS, COMPLETIONS, chat_messages
from steer_tui.engines.vllm.connection import Connection
from steer_tui.vectors import WIDTH_MAX
from steer_tui.wire import JsonObject, read_answer

UNPACKED_BYTES_MAX = 1024 * 1024 * 1024
"""The most activations that are unpacked: a few thousand tokens at many layers of a wide model."""

LAYERS_MAX = 1024
"""More blocks than any model has by far."""

_SHORTEST = "a"
"""A text of one token, or two where the model puts one before it."""


@dataclass(frozen=True, slots=True)
class ReadText:
    """A text as the model left alone has read it."""

    pieces: tuple[Piece, ...]
    """Its tokens with their log-probabilities, a token that the model puts before it included."""
    residuals: Mapping[int, NDArray[np.float32]]
    """[tokens, d_model] behind each layer that was asked for."""


def can_unpack() -> bool:
    """Whether captured activations can be unpacked here."""
    return find_spec("zstandard") is not None


async def model_shape(connection: Connection, model: str) -> tuple[int, int] | None:
    """How many layers the model has, and of which width, or None where the server captures nothing."""
    told = await _completion(connection, _body(model, _SHORTEST, "true"))
    if told.residual_stream is None:
        return None
    layers, _, width = _checked_shape(told.residual_stream)
    if can_unpack() or told.residual_stream.compression is None:
        await asyncio.to_thread(_numbers, told.residual_stream)  # whether the shape is that of what was sent
    return layers, width


async def residuals(
    connection: Connection, model: str, text: str, layers: Sequence[int], *, chat: bool = False
) -> Mapping[int, NDArray[np.float32]]:
    """What stands behind each of the layers, [tokens, d_model]; in a chat, behind the whole of its template."""
    body = _body(model, text, json.dumps(sorted(set(layers))))
    if chat:
        body["messages"] = chat_messages(body.pop("prompt"))
    told = await _completion(connection, body, CHATS if chat else COMPLETIONS)
    return await _unpacked(told, layers)


async def read_text(connection: Connection, model: str, text: str, layers: Sequence[int]) -> ReadText:
    """The text's tokens, how likely the model finds each, and the residual stream behind the layers."""
    body = {**_body(model, text, json.dumps(sorted(set(layers))) if layers else None), "echo": True, "logprobs": 0}
    told = await _completion(connection, body)
    count = _prompt_tokens(told)
    pieces = told.choices[0].pieces[:count] if told.choices else ()
    if len(pieces) != count:
        raise Malformed(f"The server counted {count} tokens of a text and named {len(pieces)}.")
    return ReadText(pieces, await _unpacked(told, layers))


def _body(model: str, text: str, captured: str | None) -> JsonObject:
    body: JsonObject = {"model": model, "prompt": text, "max_tokens": 1, "temperature": 0.0}
    return body if captured is None else {**body, "vllm_xargs": {"output_residual_stream": captured}}


async def _completion(connection: Connection, body: JsonObject, path: str = COMPLETIONS) -> Completion:
    return read_answer(Completion, await connection.post(path, body))


def _prompt_tokens(told: Completion) -> int:
    if told.usage is None:
        raise Malformed("The server's answer does not count the tokens of the text.")
    return told.usage.prompt_tokens


async def _unpacked(told: Completion, layers: Sequence[int]) -> Mapping[int, NDArray[np.float32]]:
    """The captured layers, which come by rising number."""
    if not layers:
        return {}
    tensor = told.residual_stream
    if tensor is None:
        raise Unsupported(
            "This server sends no activations along.",
            hint="Check that vllm-lens is installed there, and that VLLM_LENS_DISABLE is not set.",
        )
    wanted = sorted(set(layers))
    found, positions, _ = _checked_shape(tensor)
    if (found, positions) != (len(wanted), _prompt_tokens(told)):
        raise Malformed(
            f"The server sent activations of {found} layers at {positions} tokens; {len(wanted)} layers at "
            f"{_prompt_tokens(told)} tokens were asked for."
        )
    return dict(zip(wanted, await asyncio.to_thread(_numbers, tensor), strict=True))


def _checked_shape(tensor: Tensor) -> tuple[int, int, int]:
    if len(tensor.shape) != 3 or 0 in tensor.shape or tensor.shape[0] > LAYERS_MAX or tensor.shape[2] > WIDTH_MAX:
        raise Malformed(f"The server sent activations of the shape {str(list(tensor.shape)[:8])[:80]}.")
    layers, positions, width = tensor.shape
    return layers, positions, width


def _numbers(tensor: Tensor) -> NDArray[np.float32]:
    kind = tensor.original_dtype or tensor.dtype
    size = byte_count(kind, tensor.shape)
    if size > UNPACKED_BYTES_MAX:
        raise Malformed(f"The server sent activations of {size:,} bytes, and {UNPACKED_BYTES_MAX:,} are taken.")
    raw = from_base64(tensor.data)
    if tensor.compression == "zstd":
        raw = _decompressed(raw, size)
    elif tensor.compression is not None:
        raise Malformed(f"The server packs activations as {safe_line(tensor.compression[:40])!r}, not as zstd.")
    return from_bytes(kind, tensor.shape, raw)


def _decompressed(raw: bytes, size: int) -> bytes:
    try:
        import zstandard
    except ImportError as error:
        raise Unsupported(
            "This server packs activations with zstd, and the package that unpacks it is not installed here.",
            hint="Install it with: pip install 'steer-tui[vllm]'.",
        ) from error
    try:
        if zstandard.frame_content_size(raw) != size:  # before it is unpacked: a few bytes can claim to be millions
            raise Malformed("The server sent activations that are not of the size that it says.")
        return zstandard.ZstdDecompressor().decompress(raw)
    except zstandard.ZstdError as error:
        raise Malformed("The server sent activations that cannot be unpacked.") from error
