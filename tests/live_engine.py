"""A scripted engine whose steered lane can be turned while it runs; each steered token names the dials that made it.

engine = LiveEngine()              # each steered token waits for engine.gate.let()
engine = LiveEngine(text="...")    # tells this text instead
engine.answers = Gate()            # a turn acts at once, and its answer waits
"""

from collections.abc import Iterable, Sequence
from typing import Any

from scripted_engine import Gate, Script, ScriptedEngine, Step, done

from steer_tui.domain import (
    ActivationEvent,
    Feature,
    FeatureActivation,
    FinishReason,
    GenerationRequest,
    Lane,
    SteeringVector,
    TokenEvent,
)


def named(vector: SteeringVector) -> str:
    """The word for a token that a vector makes: `winter+4`, or `plain` where nothing acts."""
    return "+".join(f"{dial.feature.label}{dial.value:+g}" for dial in vector.dials) or "plain"


class LiveEngine(ScriptedEngine):
    """Speaks `length` tokens a lane; turns act from the token after the last that was taken."""

    def __init__(self, script: Script | None = None, *, length: int = 12, text: str = "", **options: Any) -> None:
        super().__init__(script or self._speak, **options)
        self.gate = Gate()
        self._words = text.split()
        self._length = len(self._words) or length
        self.answers: Gate | None = None
        self.faults: list[Exception] = []
        """What the next turns raise, without acting."""
        self.turned: list[SteeringVector] = []
        """What was asked of the engine, in order."""
        self._acting: SteeringVector | None = None
        self._watched: Sequence[Feature] = ()
        self._taken = 0

    def _speak(self, request: GenerationRequest) -> Iterable[Step]:
        self._acting, self._watched, self._taken = request.vector, request.watched, 0
        for index in range(self._length):
            for lane in request.lanes:
                if lane is Lane.STEERED:
                    yield self.gate
                    self._taken = index + 1
                    yield TokenEvent(self._token(self._acting, index), index, lane)
                else:
                    yield TokenEvent(self._token(SteeringVector(), index), index, lane)
                watched = self._watched if lane is Lane.STEERED else request.watched
                yield ActivationEvent(index, lane, tuple(FeatureActivation(f.id, f.label, index % 5) for f in watched))
        for lane in request.lanes:
            if lane is Lane.STEERED:
                yield self.gate
            yield done(lane, FinishReason.MAX_TOKENS)

    def _token(self, vector: SteeringVector, index: int) -> str:
        return f" {self._words[index] if self._words else named(vector)}"

    async def turn(self, request: GenerationRequest, vector: SteeringVector, watched: Sequence[Feature]) -> int | None:
        """Let the vector act on the steered lane of the request's stream, and answer when the test lets it."""
        self.turned.append(vector)
        index = self._taken
        if self.faults:
            raise self.faults.pop(0)
        if not any(self.requests[number - 1] is request for number in self._open):
            return None
        self._acting, self._watched = vector, watched
        if self.answers is not None:
            await self.answers.wait()
        return index
