"""What the server's refusals mean, in sentences for a person; within a stream it refuses in the same words."""

import re

from steer_tui.domain import NotFound, Rejected, SteerError, Unauthorized, Unsupported
from steer_tui.wire import JsonObject, Refusal, refusal_error

_NO_LAYER = re.compile(r"layer_index (-?\d+) out of range \[0, (\d+)\)")
_NO_LAYERS = re.compile(r"targets unavailable \w+ layers \[([\d, ]+)\]|hidden_states layers \[([\d, ]+)\]; available")
_OTHER_WIDTH = re.compile(r"shape \((\d+),\) does not match model hidden size (\d+)")
_TOO_LONG = re.compile(r"context length is (?:only )?(\d+)")
_NOT_ENABLED = re.compile(r"steer\W?vectors? is not enabled|enable.steer.vector|not declared at launch", re.IGNORECASE)
_NO_TEMPLATE = "chat template"
_NO_ACTIVATIONS = "activation handle"


def explain_refusal(refusal: Refusal, *, has_key: bool) -> SteerError:
    """The error that a refusal is: an HTTP 500 of such a server may be the request's fault."""
    words = refusal.words or ""
    match refusal.status:
        case 401 | 403:
            return _unauthorized(refusal.origin, has_key)
        case 404 if "does not exist" in words:
            return NotFound(f"{refusal.origin} says: {words}", hint="Set the model's name as the server calls it.")
        case 404 if _NO_ACTIVATIONS in words:
            return NotFound(f"{refusal.origin} does not keep the activations that were asked for.")
        case 404:
            return Unsupported(
                f"{refusal.origin} has nothing at the path that was asked for.",
                hint="Check that the address is that of a vLLM server, and that it generates text.",
            )
        case 400 | 422 | 500:
            return _fault(words) or refusal_error(refusal)
        case _:
            return refusal_error(refusal)


def told_failure(frame: JsonObject) -> tuple[int, str] | None:
    """The status and the words of an error that came within a stream, in either of its shapes; None for none."""
    told = frame.get("error") if frame.get("object") != "error" else frame
    if told is None:
        return None
    if not isinstance(told, dict):
        return 500, str(told)
    code, words = told.get("code"), told.get("message")
    return code if isinstance(code, int) and 400 <= code < 600 else 500, words if isinstance(words, str) else ""


def _layer_missing(layer: int, layers: int) -> Rejected:
    """The error for a layer that the model does not have."""
    return Rejected(
        f"The model has {layers} layers, 0 to {layers - 1}, and a dial acts at layer {layer}.",
        hint="Use a vector that was made for this model, or name another layer for it.",
    )


def _other_width(width: int, here: int) -> Rejected:
    """The error for a vector of another model's width."""
    return Rejected(
        f"A dial's vector has {width:,} numbers, and this model's residual stream {here:,}.",
        hint="Use a vector that was made for this model.",
    )


def _unauthorized(origin: str, has_key: bool) -> Unauthorized:
    hint = "Set the key that the server was started with (--api-key)."
    if has_key:
        return Unauthorized(f"{origin} does not accept this key.", hint=hint)
    return Unauthorized(f"{origin} wants a key, and none is set.", hint=hint)


def _fault(words: str) -> SteerError | None:
    if found := _NO_LAYER.search(words):
        return _layer_missing(int(found[1]), int(found[2]))
    if found := _NO_LAYERS.search(words):
        return Rejected(
            f"The model has no layer {found[1] or found[2]}, where a dial acts.",
            hint="Use a vector that was made for this model, or name another layer for it.",
        )
    if found := _OTHER_WIDTH.search(words):
        return _other_width(int(found[1]), int(found[2]))
    if found := _TOO_LONG.search(words):
        return Rejected(
            f"The text and the tokens to generate are more than the {int(found[1]):,} that this server holds.",
            hint="Shorten the prompt, generate fewer tokens, or start the server with a higher --max-model-len.",
        )
    if _NO_TEMPLATE in words:
        return Unsupported("This server's model has no chat template.", hint="Generate without --chat.")
    if _NOT_ENABLED.search(words):
        return Unsupported(
            f"This server was started without what steers: {words}",
            hint="Start it with --enable-steer-vector --steer-algorithms direct.",
        )
    return None
