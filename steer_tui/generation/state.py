"""The state of a generation, from which every visible thing is derived; pure, and free of time and tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from steer_tui.domain import (
    ActivationEvent,
    DoneEvent,
    ErrorEvent,
    Event,
    Lane,
    Malformed,
    RewindEvent,
    SteerError,
    SteeringVector,
    TokenEvent,
    error_from_code,
)
from steer_tui.engines import PromptWindow
from steer_tui.generation.inputs import LaneInputs, turned
from steer_tui.generation.phases import (
    SUCCESSORS,
    UNDER_WAY,
    URGENCY,
    Cancelled,
    Connecting,
    Done,
    Failed,
    Idle,
    IllegalTransition,
    Phase,
    RateLimited,
    Rest,
    Retrying,
    Settling,
    Streaming,
)
from steer_tui.generation.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of the dials while the text came."""

    index: int
    """The first token that it acts on."""
    before: SteeringVector
    """What acted on the tokens before that one."""
    vector: SteeringVector
    """What acts from there on."""


@dataclass(frozen=True, slots=True)
class RereadFailure:
    """Why a text could not be read once more."""

    error: SteerError
    was_asked_for: bool
    """Whether the person wanted it; else it was tried because it costs nothing."""


@dataclass(slots=True)
class LaneState:
    """One lane: its phase, its text, and what that text was made from."""

    phase: Phase = field(default_factory=Idle)
    run: int = 0
    """The run, counted from 1, whose events count; those of any other are dropped."""
    transcript: Transcript = field(default_factory=Transcript)
    made_from: LaneInputs | None = None
    """The inputs of the latest start, as turned since then, or None before the first."""
    window: PromptWindow | None = None
    """How much of the prompt the model read, where the engine can tell."""
    text_from: LaneInputs | None = None
    """The inputs that the text on show was made from, which is that of an earlier run until this one's first event.

    Its vector is the one that acted last; `turns` tells which ones acted before it.
    """
    turns: tuple[Turn, ...] = ()
    """Where the text on show was turned while it came, in order, no two of them at one token."""
    turn_error: SteerError | None = None
    """Why the latest turn did not come about, where it did not."""
    came_otherwise: bool = False
    """Whether the text on show came otherwise than before when it was asked for again after a loss."""
    reread_failure: RereadFailure | None = None
    """Why the latest re-read of the text gave nothing, where it did not."""
    started: float = 0.0
    """When the latest attempt left; what follows counts from there."""
    has_waited_for_loading: bool = False
    """Whether that attempt waited for a server to load its model, so that its time to the first token tells nothing."""
    timed_tokens: int = 0
    first_token: float | None = None
    latest_token: float | None = None
    anew: bool = False
    """Whether the text still is that of an earlier run, and makes room when the first event of this one comes."""

    @property
    def is_generating(self) -> bool:
        """Whether a request is under way, waits included."""
        return type(self.phase) in UNDER_WAY

    @property
    def text(self) -> str:
        """What has been generated so far, without the prompt."""
        return self.transcript.text

    @property
    def current_index(self) -> int:
        """The index that the next token will bear."""
        return len(self.transcript)

    @property
    def could_repeat(self) -> bool:
        """Whether all of the text on show was made from what the latest start was made from."""
        return self.text_from == self.made_from and not self.turns

    @property
    def error(self) -> SteerError | None:
        """What went wrong, where something did."""
        return self.phase.error if isinstance(self.phase, Failed | RateLimited | Retrying) else None

    @property
    def seconds_to_first_token(self) -> float | None:
        """From the start of the run's latest attempt to its first token, unless a server had to load first."""
        if self.first_token is None or self.has_waited_for_loading:
            return None
        return self.first_token - self.started

    @property
    def tokens_per_second(self) -> float | None:
        """Pace of the attempt since its first token, or None while it has fewer than two."""
        if self.first_token is None or self.latest_token is None or self.latest_token <= self.first_token:
            return None
        return (self.timed_tokens - 1) / (self.latest_token - self.first_token)

    def begin_timing(self, now: float) -> None:
        """An attempt leaves now."""
        self.started, self.timed_tokens, self.has_waited_for_loading = now, 0, False
        self.first_token = self.latest_token = None

    def time_token(self, now: float) -> None:
        """A token has come now."""
        self.timed_tokens += 1
        self.latest_token = now
        if self.first_token is None:
            self.first_token = now

    def enter(self, phase: Phase) -> None:
        """Change the phase; raises IllegalTransition for one that cannot follow."""
        if type(phase) not in SUCCESSORS[type(self.phase)]:
            raise IllegalTransition(f"{type(phase).__name__} cannot follow {type(self.phase).__name__}")
        self.phase = phase
        if isinstance(phase, Done | Cancelled | Failed):
            self._drop_turns_beyond_the_text()

    def begin_text(self) -> None:
        """The first event of a run has come: what stood there before makes room."""
        if self.anew:
            self.anew = self.came_otherwise = False
            self.text_from, self.turns = self.made_from, ()
            if len(self.transcript):
                self.transcript.keep(0)

    def keep(self, count: int) -> None:
        """Take back all but the first `count` tokens; of the turns beyond them the last acts on what is to come."""
        self.transcript.keep(count)
        if count == 0:
            self.text_from, self.turns = self.made_from, ()
        elif self.text_from is not None:
            self.turn(count, self.text_from[2])

    def turn(self, index: int, vector: SteeringVector) -> None:
        """From the token at an index on, which may not have come yet, this vector acts."""
        assert self.text_from is not None, "a text was begun"
        undone = [turn for turn in self.turns if turn.index >= index]  # they acted on nothing
        before = undone[0].before if undone else self.text_from[2]
        self.turns = self.turns[: len(self.turns) - len(undone)]
        if before != vector:
            self.turns += (Turn(index, before, vector),)
        self._set_vector(vector)

    def _drop_turns_beyond_the_text(self) -> None:
        beyond = [turn for turn in self.turns if turn.index >= len(self.transcript)]
        if beyond:
            self.turns = self.turns[: -len(beyond)]
            self._set_vector(beyond[0].before)

    def _set_vector(self, vector: SteeringVector) -> None:
        if self.text_from is not None:
            self.text_from = turned(self.text_from, vector)
        if self.made_from is not None and not self.anew:
            self.made_from = turned(self.made_from, vector)


class GenerationState:
    """Both lanes; `revision` rises with every change, so that a reader sees cheaply whether to look again."""

    def __init__(self) -> None:
        self.lanes = {lane: LaneState() for lane in Lane}
        self.revision = 0

    @property
    def phase(self) -> Phase:
        """The most urgent phase of the two lanes."""
        return min((lane.phase for lane in self.lanes.values()), key=lambda phase: URGENCY.index(type(phase)))

    @property
    def is_generating(self) -> bool:
        """Whether any lane has a request under way."""
        return any(lane.is_generating for lane in self.lanes.values())

    def _enter(self, lane: Lane, phase: Phase) -> LaneState:
        state = self.lanes[lane]
        state.enter(phase)
        self.revision += 1
        return state

    def settle(self, lane: Lane) -> None:
        """An edit or a dial is waited out before this lane starts."""
        phase = self.lanes[lane].phase
        rest: Rest
        match phase:
            case Settling(rest):
                pass
            case Idle() | Done() | Cancelled() | Failed():
                rest = phase
            case _:
                rest = Cancelled()
        self._enter(lane, Settling(rest))

    def start(self, lane: Lane, run: int, made_from: LaneInputs, now: float, window: PromptWindow | None) -> None:
        """An attempt of a run leaves; what stood there before makes room when the first event of a new run comes."""
        state = self._enter(lane, Connecting())
        state.anew = state.anew or state.run != run
        state.run, state.made_from, state.window = run, made_from, window
        state.turn_error = state.reread_failure = None
        state.begin_timing(now)

    def limit(self, lane: Lane, until: float, error: SteerError) -> None:
        """The lane's request is kept back until a rate limit is over."""
        self._enter(lane, RateLimited(until, error))

    def retry(self, lane: Lane, attempt: int, until: float, error: SteerError) -> None:
        """The lane's connection was lost, and attempt number `attempt` will follow."""
        self._enter(lane, Retrying(attempt, until, error))

    def fail(self, lane: Lane, error: SteerError) -> None:
        """The lane's run has ended in an error."""
        self._enter(lane, Failed(error))

    def turn(self, lane: Lane, run: int, index: int, vector: SteeringVector) -> bool:
        """A run's dials were turned while its text comes, and act from the token at an index on.

        False when there is no such token: the text ended before it, or makes room for another run's.
        Raises Malformed for an index that cannot be.
        """
        state = self.lanes[lane]
        if index < 0:
            raise Malformed(f"The engine says that a turn acts from token number {index} on.")
        to_come = isinstance(state.phase, Streaming)
        if state.run != run or state.anew or not (to_come or index < len(state.transcript)):
            return False
        state.turn(index, vector)
        state.turn_error = None
        self.revision += 1
        return True

    def fail_turn(self, lane: Lane, error: SteerError) -> None:
        """The latest turn of the dials did not come about; the text goes on as it was."""
        self.lanes[lane].turn_error = error
        self.revision += 1

    def differ(self, lane: Lane) -> None:
        """The text that is asked for again after a loss comes otherwise; a rewind follows."""
        self.lanes[lane].came_otherwise = True
        self.revision += 1

    def note_reread(self, lane: Lane, activations: Mapping[str, Sequence[float]]) -> None:
        """The text on show was read once more, and this is what fires on it."""
        self.lanes[lane].transcript.note_reread(activations)
        self.lanes[lane].reread_failure = None
        self.revision += 1

    def fail_reread(self, lane: Lane, failure: RereadFailure) -> None:
        """The text on show could not be read once more; it stays as it is."""
        self.lanes[lane].reread_failure = failure
        self.revision += 1

    def cancel(self, lane: Lane) -> None:
        """The person stops the lane: a pending restart is dropped, anything else ends where it is."""
        phase = self.lanes[lane].phase
        self._enter(lane, phase.rest if isinstance(phase, Settling) else Cancelled())

    def apply(self, event: Event, run: int, now: float) -> bool:
        """Take one event of a run, at constant cost; False when it belongs to a run, or to a lane's part, that is over.

        Raises Malformed where an event cannot be, such as a token out of order.
        """
        if isinstance(event, ErrorEvent):
            return self._apply_error(event, run)
        state = self.lanes[event.lane]
        if state.run != run or not isinstance(state.phase, Connecting | Streaming):
            return False
        self.revision += 1
        if isinstance(state.phase, Connecting):
            state.enter(Streaming())
        state.begin_text()
        transcript = state.transcript
        match event:
            case TokenEvent(token, index):
                if index != len(transcript):
                    raise Malformed(f"Token number {index} came where number {len(transcript)} was expected.")
                transcript.append(token)
                state.time_token(now)
            case ActivationEvent(token_index, _, features):
                if not 0 <= token_index < len(transcript):
                    raise Malformed(f"Activations came for token number {token_index}, which has not come itself.")
                transcript.activate(token_index, features)
            case RewindEvent(_, keep):
                if not 0 <= keep <= len(transcript):
                    raise Malformed(f"A rewind to {keep} tokens came where there are {len(transcript)}.")
                state.keep(keep)
            case DoneEvent(_, reason):
                state.enter(Done(reason))
        return True

    def _apply_error(self, event: ErrorEvent, run: int) -> bool:
        hit = [lane for lane in Lane if event.lane in (None, lane) and self.lanes[lane].run == run]
        hit = [lane for lane in hit if isinstance(self.lanes[lane].phase, Connecting | Streaming)]
        for lane in hit:
            self.fail(lane, error_from_code(event.code, event.message, event.retry_after))
        return bool(hit)
