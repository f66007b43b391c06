"""The embedded model as a whole: it turns a request into the steps of its lanes, and a text into a reading."""

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from steer_tui.domain import Event, Feature, GenerationRequest, Lane, SteeringVector
from steer_tui.engines.builtin.catalogue import Catalogue, ModelCard
from steer_tui.engines.builtin.characters import Spellings
from steer_tui.engines.builtin.lane import Course, LaneRun, Machinery
from steer_tui.engines.builtin.rereading import reread
from steer_tui.engines.builtin.steering import Steering
from steer_tui.engines.builtin.tokenizer import Tokenizer
from steer_tui.engines.builtin.transformer import Transformer
from steer_tui.engines.builtin.weights import read_directions, read_model
from steer_tui.engines.door import Reading


class EmbeddedModel:
    """Tokenizer, transformer and directions, loaded; used on one thread."""

    def __init__(self, folder: Path, card: ModelCard, tokenizer: Tokenizer, catalogue: Catalogue) -> None:
        self.card = card
        self.steering = Steering(card, catalogue, read_directions(folder, card))
        self._transformer = Transformer(card, read_model(folder, card))
        self._machinery = Machinery(self._transformer, tokenizer, Spellings(tokenizer.token_bytes))

    def run(self, request: GenerationRequest) -> "Run":
        """The request's lanes, at their beginning."""
        ids = self._machinery.tokenizer.encode(request.prompt)
        ids = ids[max(0, len(ids) - self.card.room_for_prompt(request.sampling.max_tokens)) :]
        courses = {lane: self.course(request.vector_of(lane), request.watched) for lane in request.lanes}
        return Run([LaneRun(self._machinery, request.sampling, lane, ids, courses[lane]) for lane in courses])

    def course(self, vector: SteeringVector, watched: Sequence[Feature]) -> Course:
        """What a lane is to take from this vector and these features."""
        return Course(self.steering.push(vector), self.steering.probe(watched) if watched else None)

    def reread(self, text: str, features: Sequence[Feature]) -> Generator[tuple[()], None, Reading]:
        """The reading of a text, a few positions a step."""
        return reread(self._transformer, self._machinery.tokenizer, self.steering.probe(features), text)


class Run:
    """The lanes of one request, which take a step in turn."""

    def __init__(self, lanes: Sequence[LaneRun]) -> None:
        self._lanes = lanes
        self._turns = deque((lane, lane.steps()) for lane in lanes)

    def steps(self) -> Iterator[Sequence[Event]]:
        """The events that are still to come, those of one lane's step at a time."""
        while self._turns:
            lane, steps = self._turns.popleft()
            if (events := next(steps, None)) is not None:
                self._turns.append((lane, steps))
                yield events

    def turn(self, keep: int, course: Course) -> None:
        """Take the steered lane back to its first `keep` tokens, and let it take this course from there on."""
        for run in self._lanes:
            if run.lane is Lane.STEERED:
                others = [(lane, steps) for lane, steps in self._turns if lane is not run]
                self._turns = deque([(run, run.turned(keep, course)), *others])
