"""One lane of a request: it reads the prompt and draws token after token, and can be taken back to any of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from steer_tui.domain import (
    ActivationEvent,
    DoneEvent,
    Event,
    FeatureActivation,
    FinishReason,
    Lane,
    Sampling,
    TokenEvent,
)
from steer_tui.engines.builtin.characters import Spellings, Unfinished
from steer_tui.engines.builtin.decoding import Push
from steer_tui.engines.builtin.emission import Emission
from steer_tui.engines.builtin.sampling import Sampler
from steer_tui.engines.builtin.steering import Probe
from steer_tui.engines.builtin.tokenizer import Tokenizer
from steer_tui.engines.builtin.transformer import PREFILL, Transformer


@dataclass(frozen=True, slots=True)
class Machinery:
    """What all lanes share."""

    transformer: Transformer
    tokenizer: Tokenizer
    spellings: Spellings


@dataclass(frozen=True, slots=True)
class Course:
    """What acts on a lane, and what is read off it."""

    push: Push | None
    """What acts on the residual stream, or None where nothing does."""
    probe: Probe | None
    """What reads the watched features, or None where there are none."""


@dataclass(frozen=True, slots=True)
class _Sampled:
    index: int
    logprob: float
    activations: tuple[FeatureActivation, ...]


class LaneRun:
    """The lane's sequence and the tokens drawn so far."""

    def __init__(
        self,
        machinery: Machinery,
        sampling: Sampling,
        lane: Lane,
        prompt: Sequence[int],
        course: Course,
    ) -> None:
        self.lane = lane
        self._machinery = machinery
        self._sampling = sampling
        self._course = course
        self._prompt = (machinery.tokenizer.end_of_text, *prompt)
        self._tokens: list[int] = []
        self._drawn: list[int] = []
        """Random numbers used up to each token."""
        self._sequence = machinery.transformer.sequence(course.push)

    def steps(self) -> Iterator[Sequence[Event]]:
        """The lane's events from its beginning."""
        return self.turned(0, self._course)

    def turned(self, keep: int, course: Course) -> Iterator[Sequence[Event]]:
        """The lane's events from token number `keep` on, which is the first that takes this course.

        What was read before the token that precedes it keeps the push that it was read with, so that the text is the
        same however far ahead the lane was. The steps made before may not be taken further.
        """
        del self._tokens[keep:], self._drawn[keep:]
        sequence, ids = self._sequence, [*self._prompt, *self._tokens]
        last = len(ids) - 1
        while sequence.length < last:
            sequence.prefill(ids[sequence.length : min(sequence.length + PREFILL, last)])
            yield ()
        sequence.rewind(last)
        sequence.push = course.push
        sequence.step(ids[last])
        yield from self._draw(course.probe)

    def _draw(self, probe: Probe | None) -> Iterator[Sequence[Event]]:
        sequence, tokens = self._sequence, self._tokens
        tokenizer, keep, count = self._machinery.tokenizer, len(tokens), self._sampling.max_tokens
        sampler = Sampler(self._sampling, self._drawn[-1] if self._drawn else 0)
        unfinished = Unfinished(self._machinery.spellings)
        emission = Emission[_Sampled](self._sampling.stop)
        for index, token in enumerate(tokens):
            unfinished.take(token)
            emission.push(tokenizer.token_bytes[token], _Sampled(index, 0.0, ()))
        reason = FinishReason.MAX_TOKENS
        events: list[Event] = []
        while len(tokens) < count and not emission.stopped:
            index = len(tokens)
            token, logprob = sampler.draw(sequence.logits, unfinished, count - index - 1)
            if token == tokenizer.end_of_text:
                reason = FinishReason.COMPLETE
                break
            tokens.append(token)
            self._drawn.append(sampler.drawn)
            unfinished.take(token)
            # A feature fires on a token where the model reads it, so a watched text's last token is read as well.
            if probe or index + 1 < count:
                sequence.step(token)
            # Before this step is looked at the other lane has its turn, so that both are computed at once.
            yield events
            sampled = _Sampled(index, logprob, probe.read(sequence.residual) if probe else ())
            events = self._events(emission.push(tokenizer.token_bytes[token], sampled), keep)
        last = self._events(emission.end(), keep)
        yield (*events, *last, DoneEvent(self.lane, FinishReason.STOP_SEQUENCE if emission.stopped else reason))

    def _events(self, leaving: Sequence[tuple[str, _Sampled]], keep: int) -> list[Event]:
        events: list[Event] = []
        for text, sampled in leaving:
            if sampled.index < keep:
                continue  # it has left already
            events.append(TokenEvent(text, sampled.index, self.lane, sampled.logprob))
            if sampled.activations:
                events.append(ActivationEvent(sampled.index, self.lane, sampled.activations))
        return events
