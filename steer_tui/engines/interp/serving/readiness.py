"""Whether a server has loaded its model: what its /health says."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ValidationError

from steer_tui.domain import Malformed, NotFound, Rejected, SteerError, safe_line
from steer_tui.wire import presentable, read_body, refusal_error
from steer_tui.wire.failures import answering_failure, asking_failure, translating
from steer_tui.wire.origin import origin_of
from steer_tui.wire.refusals import read_refusal

if TYPE_CHECKING:
    import httpx

HEALTH_BYTES_MAX = 64 * 1024
_PATH = "/health"
_SPOKEN = (200, 503)  # ready; loading or failed


class _Answer(BaseModel):
    status: Literal["ready", "loading", "failed"]
    model: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """What a server says of its model."""

    model: str
    """The model's name as the server was given it, or empty where it does not say."""
    is_ready: bool
    problem: str | None = None
    """Why it could not load the model, in its own words and safe to draw; None where it is still at it, or done."""


async def ask_health(client: "httpx.AsyncClient") -> Health:
    """Look once; a server that is not there, or another one than was meant, raises."""
    origin = origin_of(client.base_url)
    with translating(asking_failure, origin):
        response = await client.send(client.build_request("GET", _PATH), stream=True)
    with translating(answering_failure, origin):
        try:
            if response.status_code not in _SPOKEN:
                refusal = await read_refusal(response)
                raise _no_health(origin) if refusal.status == 404 else refusal_error(refusal)
            body = await read_body(response, HEALTH_BYTES_MAX)
        finally:
            await response.aclose()
    try:
        answer = _Answer.model_validate_json(body)
    except ValidationError as error:
        raise Malformed(
            f"What answers at {origin} does not say how it is as an interp-engine server does.",
            hint="Check that the address is that of the server itself.",
        ) from error
    problem = presentable(answer.error, response.request.headers) or "it does not say why."
    return Health(answer.model, answer.status == "ready", problem if answer.status == "failed" else None)


def loading_failure(model: str, problem: str) -> Rejected:
    """The error for a model that a server could not load."""
    return Rejected(f"The server could not load {safe_line(model) or 'its model'}: {problem}", hint=hint_for(problem))


def hint_for(words: str) -> str:
    """What to do about a server that has failed with these words."""
    told = words.casefold()
    if "out of memory" in told or "can't allocate" in told:
        return "Choose a smaller model, a smaller --dtype, or more GPUs with --num-gpus."
    if "gated repo" in told or "401 client error" in told or "403 client error" in told:
        return "Ask for access at the model's page, and set HF_TOKEN to a token of yours."
    if "couldn't connect" in told or "name or service not known" in told or "offline mode" in told:
        return "Check the network, or give the path of a folder that holds the model."
    if "not a valid model identifier" in told or "repository not found" in told or "404 client error" in told:
        return "Check the model's id, or give the path of its folder."
    if "no file named" in told or "config.json" in told or "unrecognized model" in told:
        return "Check that the folder holds a model as transformers keeps it: config.json, weights and tokenizer."
    return "Look into the server's log; started by hand, it shows all of it."


def _no_health(origin: str) -> SteerError:
    return NotFound(
        f"What answers at {origin} is no interp-engine server: it has no {_PATH}.",
        hint="Check that the address is that of the server itself, and its port.",
    )
