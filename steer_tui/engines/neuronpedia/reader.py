"""From the frames of a stream to the events of both lanes, and whether the end that came is one."""

from collections.abc import Callable, Iterator
from itertools import zip_longest

from steer_tui.domain import Event, Lane, Truncated
from steer_tui.engines.neuronpedia.answers import Answer, LaneText, ReadText, read_answer
from steer_tui.engines.neuronpedia.steering import Steering
from steer_tui.engines.neuronpedia.tokens import LaneTokens
from steer_tui.engines.texts.repeated_prompt import length_of_prompt
from steer_tui.wire import parse_json


class AnswerReader:
    """Reads the answer to one steering request; what comes for a lane that is not wanted is passed over.

    The service marks the end by saving the texts. A steered text that it has saved before is marked from the first
    frame on; then only the end of the stream says that the default lane is whole.
    """

    def __init__(self, steering: Steering, present: Callable[[str], str]) -> None:
        self.has_begun = False
        """Whether a frame has come."""
        self._read_text: ReadText = steering.read_text
        self._present = present
        self._prompt = steering.prompt or ""
        self._prompt_lengths: dict[Lane, int] = {}
        self._lanes = [LaneTokens(lane, steering.sampling) for lane in steering.lanes]
        self._was_saved_before = False
        self._is_saved = False

    @property
    def is_finished(self) -> bool:
        """Whether every wanted lane has ended."""
        return all(lane.is_done for lane in self._lanes)

    def of_json(self, value: object) -> Answer:
        """The answer that a JSON value is."""
        return read_answer(value, self._read_text, self._present)

    def read(self, data: str) -> Answer:
        """The answer that a frame holds."""
        return self.of_json(parse_json(data))

    def take(self, frame: Answer) -> Iterator[Event]:
        """The events that a frame of a stream brings."""
        is_first, self.has_begun = not self.has_begun, True
        self._is_saved = frame.is_saved
        if is_first:
            self._was_saved_before = frame.is_saved
        self._look_for_prompt(frame)
        for lane in self._lanes:
            if (text := frame.texts[lane.lane]) is not None:
                yield from lane.take(self._without_prompt(lane.lane, text))
            ends = frame.is_saved and (not self._was_saved_before or lane.lane is Lane.STEERED)
            if ends and lane.has_begun:
                yield from lane.end()

    def end(self) -> Iterator[Event]:
        """The stream has ended as streams do; raises `Truncated` where the texts have not."""
        if not self.has_begun:
            raise Truncated("The service ended the stream before it began.")
        for lane in self._lanes:
            if not lane.is_done and not (self._is_saved and lane.has_begun):
                raise Truncated(f"The stream ended before the {lane.lane.value} text did.")
            yield from lane.end()

    def take_whole(self, answer: Answer) -> Iterator[list[Event]]:
        """The events of an answer that came at once, a token of each lane at a time."""
        self._look_for_prompt(answer)
        courses: list[list[Event]] = []
        for lane in self._lanes:
            text = answer.texts[lane.lane]
            if text is None:
                raise Truncated(f"The service answered without the {lane.lane.value} text.")
            courses.append([*lane.take(self._without_prompt(lane.lane, text)), *lane.end()])
        for together in zip_longest(*courses):
            yield [event for event in together if event is not None]

    def _look_for_prompt(self, answer: Answer) -> None:
        for lane, text in answer.texts.items():
            if text is not None and text.text and lane not in self._prompt_lengths:
                self._prompt_lengths[lane] = length_of_prompt(self._prompt, text.text)

    def _without_prompt(self, lane: Lane, text: LaneText) -> LaneText:
        """A server repeats the prompt before every text or before none, whatever one text happens to begin with."""
        repeats = all(self._prompt_lengths.values())
        return LaneText(text.text[self._prompt_lengths.get(lane, 0) :], text.ended) if repeats else text
