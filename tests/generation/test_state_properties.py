"""Whatever comes in whatever order, these hold: a machine that does at random all that the controller may do."""

from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from scripted_engine import FEATURES

from steer_tui.domain import (
    ActivationEvent,
    Dial,
    DoneEvent,
    FeatureActivation,
    FinishReason,
    Lane,
    Malformed,
    RewindEvent,
    Sampling,
    SteeringVector,
    TokenEvent,
    Unreachable,
)
from steer_tui.generation import Connecting, GenerationState, Phase, Settling, Streaming
from steer_tui.generation.phases import UNDER_WAY, URGENCY

VECTORS = [SteeringVector(), *(SteeringVector((Dial(FEATURES[0], value),)) for value in (2.0, 4.0, 6.0))]
LANES = st.sampled_from(Lane)


class Generation(RuleBasedStateMachine):
    """The state beside a model of it that keeps plain lists, with the vector that made each token."""

    @initialize()
    def begin(self) -> None:
        self.state = GenerationState()
        self.now = 0.0
        self.runs = 0
        self.texts: dict[Lane, list[str]] = {lane: [] for lane in Lane}
        self.fresh: dict[Lane, bool] = dict.fromkeys(Lane, False)
        self.makers: dict[Lane, list[SteeringVector]] = {lane: [] for lane in Lane}
        self.acting: dict[Lane, SteeringVector] = dict.fromkeys(Lane, VECTORS[0])
        self.seen = self.snapshot()
        for lane in Lane:
            self.start(lane, False, VECTORS[0])

    def snapshot(self) -> tuple[int, dict[Lane, tuple[int, list[str]]]]:
        lanes = self.state.lanes.items()
        texts = {lane: (state.transcript.epoch, list(state.transcript.tokens)) for lane, state in lanes}
        return self.state.revision, texts

    def phase(self, lane: Lane) -> Phase:
        return self.state.lanes[lane].phase

    def is_open(self, lane: Lane) -> bool:
        return isinstance(self.phase(lane), Connecting | Streaming)

    @rule(lane=LANES)
    def settle(self, lane: Lane) -> None:
        self.state.settle(lane)

    @rule(lane=LANES, same_run=st.booleans(), vector=st.sampled_from(VECTORS))
    def start(self, lane: Lane, same_run: bool, vector: SteeringVector) -> None:
        if same_run and self.state.lanes[lane].run:
            vector = self.state.lanes[lane].made_from[2]  # an attempt that goes on keeps it
        if not same_run or not self.state.lanes[lane].run:
            self.runs += 1
            self.fresh[lane] = True
        run = self.state.lanes[lane].run if same_run and self.state.lanes[lane].run else self.runs
        self.state.start(lane, run, ("Once", Sampling(), vector, False), self.now, None)
        self.acting[lane] = vector

    @rule(lane=LANES, texts=st.lists(st.text(max_size=3), min_size=1, max_size=6), passed=st.floats(0.0, 2.0))
    def come_tokens(self, lane: Lane, texts: list[str], passed: float) -> None:
        self.now += passed
        for text in texts:
            self.come_token(lane, text)

    def come_token(self, lane: Lane, text: str) -> None:
        wanted = [] if self.fresh[lane] else self.texts[lane]
        taken = self.state.apply(TokenEvent(text, len(wanted), lane), self.state.lanes[lane].run, self.now)
        assert taken == (self.is_open(lane))
        if taken:
            self.texts[lane] = [*wanted, text]
            self.makers[lane] = [*self.makers[lane][: len(wanted)], self.acting[lane]]
            self.fresh[lane] = False

    @rule(lane=LANES, vector=st.sampled_from(VECTORS))
    def turn(self, lane: Lane, vector: SteeringVector) -> None:
        """A dial acts from the next token on."""
        if isinstance(self.phase(lane), Streaming):
            assert self.state.turn(lane, self.state.lanes[lane].run, len(self.texts[lane]), vector)
            self.acting[lane] = vector

    @rule(lane=LANES, vector=st.sampled_from(VECTORS), text=st.text(max_size=3), count=st.integers(1, 4))
    def turn_answered_late(self, lane: Lane, vector: SteeringVector, text: str, count: int) -> None:
        """A dial acts from the next token on, which the engine only says when more have come."""
        if isinstance(self.phase(lane), Streaming):
            index = len(self.texts[lane])
            self.acting[lane] = vector
            for _ in range(count):
                self.come_token(lane, text)
            assert self.state.turn(lane, self.state.lanes[lane].run, index, vector)

    @rule(lane=LANES, vector=st.sampled_from(VECTORS), behind=st.integers(0, 2), beyond=st.integers(0, 3))
    def turn_too_late(self, lane: Lane, vector: SteeringVector, behind: int, beyond: int) -> None:
        """The text has ended before the token that a turn acts on, or is another run's."""
        state = self.state.lanes[lane]
        if behind or not isinstance(state.phase, Streaming):
            before = (state.turns, state.text_from, state.made_from)
            assert not self.state.turn(lane, state.run - behind, len(state.transcript) + beyond, vector)
            assert (state.turns, state.text_from, state.made_from) == before

    @rule(lane=LANES, index=st.integers(-2, 40))
    def come_wrong_token(self, lane: Lane, index: int) -> None:
        if not self.is_open(lane) or index == (0 if self.fresh[lane] else len(self.texts[lane])):
            return
        try:
            self.state.apply(TokenEvent("wrong", index, lane), self.state.lanes[lane].run, self.now)
        except Malformed:
            if self.fresh[lane]:
                self.texts[lane], self.makers[lane], self.fresh[lane] = [], [], False
        else:
            raise AssertionError("a token out of order was taken")

    @rule(lane=LANES, text=st.text(max_size=3), behind=st.integers(1, 5))
    def come_old_token(self, lane: Lane, text: str, behind: int) -> None:
        state = self.state.lanes[lane]
        assert not self.state.apply(TokenEvent(text, len(state.transcript), lane), state.run - behind, self.now)

    @rule(lane=LANES, data=st.data())
    def come_activations(self, lane: Lane, data: st.DataObject) -> None:
        if self.is_open(lane) and self.texts[lane] and not self.fresh[lane]:
            index = data.draw(st.integers(0, len(self.texts[lane]) - 1))
            name = data.draw(st.sampled_from("ab"))
            event = ActivationEvent(index, lane, (FeatureActivation(name, name, 1.5),))
            assert self.state.apply(event, self.state.lanes[lane].run, self.now)
            assert self.state.lanes[lane].transcript.activations[name][index] == 1.5

    @rule(lane=LANES, data=st.data())
    def come_rewind(self, lane: Lane, data: st.DataObject) -> None:
        if self.is_open(lane):
            text = [] if self.fresh[lane] else self.texts[lane]
            keep = data.draw(st.integers(0, len(text)))
            self.state.apply(RewindEvent(lane, keep), self.state.lanes[lane].run, self.now)
            self.texts[lane], self.makers[lane], self.fresh[lane] = text[:keep], self.makers[lane][:keep], False

    @rule(lane=LANES, reason=st.sampled_from(FinishReason))
    def come_done(self, lane: Lane, reason: FinishReason) -> None:
        was_open = self.is_open(lane)
        assert self.state.apply(DoneEvent(lane, reason), self.state.lanes[lane].run, self.now) == was_open
        if was_open and self.fresh[lane]:
            self.texts[lane], self.makers[lane], self.fresh[lane] = [], [], False

    @rule(lane=LANES, kind=st.sampled_from(["limit", "retry", "fail"]))
    def lose(self, lane: Lane, kind: str) -> None:
        if self.is_open(lane):
            error = Unreachable("Gone.")
            match kind:
                case "limit":
                    self.state.limit(lane, self.now + 60.0, error)
                case "retry":
                    self.state.retry(lane, 1, self.now + 2.0, error)
                case _:
                    self.state.fail(lane, error)
            assert self.state.lanes[lane].error is error

    @precondition(lambda self: self.state.is_generating)
    @rule(lane=LANES)
    def cancel(self, lane: Lane) -> None:
        before = self.phase(lane)
        if type(before) in UNDER_WAY:
            self.state.cancel(lane)
            assert not self.state.lanes[lane].is_generating
            assert not isinstance(before, Settling) or self.phase(lane) == before.rest

    @invariant()
    def the_texts_are_those_of_the_model(self) -> None:
        assert {lane: state.transcript.tokens for lane, state in self.state.lanes.items()} == self.texts

    @invariant()
    def the_turns_say_which_vector_made_each_token(self) -> None:
        for lane, state in self.state.lanes.items():
            indices = [turn.index for turn in state.turns]
            assert indices == sorted(set(indices))
            acting = state.turns[0].before if state.turns else state.text_from and state.text_from[2]
            for index, maker in enumerate(self.makers[lane]):
                acting = next((turn.vector for turn in state.turns if turn.index == index), acting)
                assert maker == acting, f"token {index} of {lane}"
            assert all(before.vector == after.before for before, after in pairwise(state.turns))

    @invariant()
    def at_rest_every_turn_acts_on_a_token(self) -> None:
        for state in self.state.lanes.values():
            assert state.is_generating or all(turn.index < len(state.transcript) for turn in state.turns)
            if len(state.transcript) and not state.is_generating:
                assert not state.turns or state.text_from[2] == state.turns[-1].vector

    @invariant()
    def a_transcript_only_grows_within_an_epoch_and_nothing_changes_without_a_revision(self) -> None:
        (old_revision, old), (revision, new) = self.seen, self.snapshot()
        assert revision >= old_revision
        for lane in Lane:
            (old_epoch, old_tokens), (epoch, tokens) = old[lane], new[lane]
            assert epoch >= old_epoch
            assert epoch > old_epoch or tokens[: len(old_tokens)] == old_tokens
        assert revision > old_revision or all(old[lane][1] == new[lane][1] for lane in Lane)
        self.seen = (revision, new)

    @invariant()
    def the_phase_is_the_most_urgent(self) -> None:
        kinds = [type(state.phase) for state in self.state.lanes.values()]
        assert type(self.state.phase) is min(kinds, key=URGENCY.index)
        assert self.state.is_generating == any(kind in UNDER_WAY for kind in kinds)

    @invariant()
    def activations_never_reach_beyond_the_tokens(self) -> None:
        for state in self.state.lanes.values():
            assert all(len(values) <= len(state.transcript) for values in state.transcript.activations.values())

    @invariant()
    def no_time_is_negative(self) -> None:
        for state in self.state.lanes.values():
            assert (state.seconds_to_first_token or 0.0) >= 0.0
            assert (state.tokens_per_second or 0.0) >= 0.0


Generation.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True)
TestGeneration = Generation.TestCase
