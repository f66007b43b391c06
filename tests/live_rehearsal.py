"""A rehearsal with live dials on, in the middle of a steered text: what the tests of turned dials begin with.

stage, engine = await streaming(rehearse)   # three tokens have come, and the fourth waits
stage.turn(6.0)
await come(stage, engine, 2)
assert turns(stage) == [(3, "winter+4", "winter+6")]
"""

from collections.abc import Awaitable, Callable

from live_engine import LiveEngine
from rehearsal import Rehearsal

from steer_tui.domain import Lane, SteeringVector
from steer_tui.generation import Streaming

Begin = Callable[..., Awaitable[Rehearsal]]
"""The fixture `rehearse`."""


async def streaming(rehearse: Begin, tokens: int = 3, **options: object) -> tuple[Rehearsal, LiveEngine]:
    """A steered lane of which so many tokens have come, with live dials on."""
    stage = await rehearse(**{"engine": LiveEngine, "live": True, **options})
    engine = stage.engine
    assert isinstance(engine, LiveEngine)
    await stage.generate()
    await come(stage, engine, tokens)
    assert stage.phase() == Streaming()
    return stage, engine


async def come(stage: Rehearsal, engine: LiveEngine, tokens: int) -> None:
    """Let so many steered tokens come."""
    engine.gate.let(tokens)
    await stage.pass_time()


async def finish(stage: Rehearsal, engine: LiveEngine) -> None:
    """Let the text come to its end."""
    engine.gate.open()
    await stage.pass_time()


def turns(stage: Rehearsal) -> list[tuple[int, str, str]]:
    """Where the text was turned, from what and to what."""
    return [(t.index, words(t.before), words(t.vector)) for t in stage.controller.state.lanes[Lane.STEERED].turns]


def words(vector: SteeringVector) -> str:
    """A vector in words: `winter+4 sea-1`."""
    return " ".join(f"{dial.feature.label}{dial.value:+g}" for dial in vector.dials)


def is_stale(stage: Rehearsal) -> bool:
    """Whether the steered text is stale."""
    return stage.controller.is_stale(Lane.STEERED)
