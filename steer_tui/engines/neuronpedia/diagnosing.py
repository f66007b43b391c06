"""A look at the service that costs no steering request."""

from dataclasses import replace

from steer_tui.domain import SteerError, TimedOut, Truncated, Unauthorized, Unreachable, Unsupported
from steer_tui.engines.neuronpedia.library import Library
from steer_tui.engines.neuronpedia.models import cannot_steer
from steer_tui.engines.neuronpedia.service import Service
from steer_tui.engines.services import Diagnosis


async def diagnose(service: Service, library: Library, model: str) -> Diagnosis:
    """Whether the service is there, runs the model, and knows the key; the first thing that is wrong is told."""
    diagnosis = Diagnosis(
        address=service.address,
        is_reachable=True,
        has_key=service.has_key,
        model=model,
        quota=await service.quota_left(),
    )
    try:
        offer = await library.model_now()
    except Unsupported:
        offer = None  # a server that tells of no single model may steer all the same
    except SteerError as error:
        return replace(
            diagnosis,
            is_reachable=not isinstance(error, Unreachable | TimedOut | Truncated),
            problem=error.message,
            hint=error.hint,
        )
    problem = cannot_steer(offer, (), chat=False) if offer else None
    return _told(diagnosis, problem or await _key_problem(service))


async def _key_problem(service: Service) -> SteerError | None:
    """Whether the key is refused, which no steering request would tell: it would go on as without a key."""
    if not service.has_key:
        return None
    try:
        await service.ask("POST", "/api/list/list", {})
    except Unauthorized:
        return Unauthorized(
            "Neuronpedia does not know this API key, and answers as if there were none.",
            hint="Copy the key anew from your account there, or leave it out.",
        )
    except SteerError:
        return None
    return None


def _told(diagnosis: Diagnosis, problem: SteerError | None) -> Diagnosis:
    return diagnosis if problem is None else replace(diagnosis, problem=problem.message, hint=problem.hint)
