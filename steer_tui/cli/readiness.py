"""What has to hold of an engine before it is asked for a text."""

from collections.abc import Iterable

from steer_tui.cli.dials import WrittenDial, resolve_dials
from steer_tui.cli.loading import showing_loading
from steer_tui.cli.settings import Settings
from steer_tui.cli.telling import tell
from steer_tui.domain import Dial, Unsupported
from steer_tui.engines import Engine, Prepares
from steer_tui.engines.services import LiveAtTimes, Loads, Warns
from steer_tui.generation.patience import answer_within


async def ready_dials(engine: Engine, settings: Settings, written: Iterable[WrittenDial]) -> tuple[Dial, ...]:
    """The engine's dials that are meant, once it has loaded its model and has tried out whether they have an effect.

    What it warns of is told. Raises Unsupported where it does not have the method that is set, InvalidValue for a dial
    that cannot be, and what the engine raises.
    """
    require_method(engine, settings)
    async with showing_loading(engine):
        dials = await resolve_dials(engine, written)
        # Behind the dials: an engine that does not know its model's width tries out what they have opened.
        await _prepare(engine, settings.deadlines.first_event)
    require_method(engine, settings)  # again, for one that has learnt only now what it can
    if isinstance(engine, Warns) and engine.warning is not None:
        tell(engine.warning)
    return dials


async def make_ready(engine: Engine, settings: Settings) -> None:
    """The same where no dial is meant."""
    await ready_dials(engine, settings, ())


async def _prepare(engine: Engine, seconds: float | None) -> None:
    """Let an engine get ready whose server has a model of its own; another one does so with the first request.

    A gateway is asked what stands behind it.
    """
    if isinstance(engine, Prepares) and isinstance(engine, Loads | Warns | LiveAtTimes):
        async with answer_within(seconds, engine):
            await engine.prepare()


def require_method(engine: Engine, settings: Settings) -> None:
    """Raises Unsupported where the engine does not have the method that is set."""
    methods = engine.info.methods
    if settings.method not in methods:
        raise Unsupported(
            f"The engine {settings.engine} does not steer by {settings.method.value}.",
            hint=f"It has {', '.join(method.value for method in methods)}: choose one with --method.",
        )
