"""Runs generations: waits out edits, starts, cancels, retries, and writes what happens into the state.

One long-lived task, `run()`, owns a task for each flight: one request with its attempts, for one lane or for both.
The methods that a screen calls return at once.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import count

from steer_tui.domain import BOTH_LANES, Event, GenerationRequest, Lane, SteerError
from steer_tui.engines import Engine, LanePolicy, LiveDials, PromptWindow, Windows
from steer_tui.engines.services import LiveAtTimes
from steer_tui.generation.delivery import Clock, Deadlines, Pause, RateGate, Sleep, broken, deliver, read_window
from steer_tui.generation.flight import Flight
from steer_tui.generation.inputs import Inputs
from steer_tui.generation.phases import Done, Failed, Idle, RateLimited, Retrying, Settling, Streaming
from steer_tui.generation.rereading import Rereading
from steer_tui.generation.slot import Slot
from steer_tui.generation.state import GenerationState
from steer_tui.generation.turning import turn_live


class Controller:
    """Turns what a person does into runs of an engine, and their events into the state."""

    def __init__(
        self,
        engine: Engine,
        inputs: Inputs,
        *,
        auto: bool,
        live: bool = False,
        debounce: float = 0.5,
        deadlines: Deadlines = Deadlines(),
        pace: float = 0.0,
        on_change: Callable[[], None] = lambda: None,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.state = GenerationState()
        self.inputs = inputs
        self.auto = auto
        """Whether an edit or a dial starts a generation by itself."""
        self.live = live and isinstance(engine, LiveDials)
        """Whether a dial acts on the text that comes, without a restart."""
        self.pace = pace
        """Tokens a second, 0 as fast as they come; a text that comes follows a change."""
        self.clock = clock
        """Seconds on the scale of every moment in the state."""
        self._engine = engine
        self._debounce, self._deadlines = debounce, deadlines
        self._on_change, self._sleep = on_change, sleep
        self._rereading = Rereading(engine, self.state, on_change)
        self._gate = RateGate(clock)
        self._slot = Slot()
        self._runs = count(1)
        self._flights: dict[Lane, Flight] = {}
        self._unclosed: dict[Lane, set[Flight]] = {lane: set() for lane in Lane}
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Own every flight until this task is cancelled; then each of them is cancelled and has cleaned up."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                await asyncio.Event().wait()
            finally:
                self._group = None

    def is_stale(self, lane: Lane) -> bool:
        """Whether a lane shows a text that was made from other inputs than those that are set now."""
        state = self.state.lanes[lane]
        made_from = state.text_from if len(state.transcript) else state.made_from
        flight = self._flights.get(lane)
        if flight is not None and flight.is_turning:
            made_from = flight.wanted.of_lane(lane)
        return made_from is not None and made_from != self.inputs.of_lane(lane)

    @property
    def can_live(self) -> bool:
        """Whether the engine can let a dial act on the text that comes."""
        is_able = not isinstance(self._engine, LiveAtTimes) or self._engine.turns_live
        return is_able and isinstance(self._engine, LiveDials)

    def change(self, inputs: Inputs) -> None:
        """The person has edited the prompt or the sampling, or has turned a dial.

        With live on, a dial acts on a steered text that comes. Else with auto on, the lanes whose text would differ
        start again after the debounce; a request that waits for a rate limit is replaced in either case.
        """
        before, self.inputs = self.inputs, inputs
        touched = [lane for lane in BOTH_LANES if before.of_lane(lane) != inputs.of_lane(lane)]
        if touched == [Lane.STEERED] and self._acts_live:
            self._turn()
        elif touched and inputs.is_empty:
            self._cancel(BOTH_LANES if self.auto else self._waiting())
        elif touched and self.auto:
            self._settle([lane for lane in self._missing() if lane in touched or self._is_unused(lane)])
        elif touched:
            self._launch([lane for lane in touched if lane in self._waiting()], self._debounce)
        self._on_change()

    def switch_auto(self, auto: bool) -> None:
        """Turn auto-generate on or off; turned on, it makes good what has become stale."""
        self.auto = auto
        if not auto:
            self._cancel(lane for lane in BOTH_LANES if isinstance(self.state.lanes[lane].phase, Settling))
        elif not self.inputs.is_empty and any(self.is_stale(lane) for lane in BOTH_LANES):
            self._settle(self._missing())
        self._on_change()

    def switch_live(self, live: bool) -> bool:
        """Turn live dials on or off; turned on, the dials as they stand act at once. False where the engine cannot."""
        self.live = live and self.can_live
        if self._acts_live:
            self._turn()
        self._on_change()
        return self.can_live

    def generate(self) -> bool:
        """Start now: the steered lane always, the default lane unless its text holds; False for an empty prompt."""
        if self.inputs.is_empty:
            return False
        missing = self._missing()
        self._launch([lane for lane in BOTH_LANES if lane is Lane.STEERED or lane in missing], None)
        self._on_change()
        return True

    def try_again(self) -> None:
        """Start the lanes that have failed once more, with what is set now."""
        failed = [lane for lane in BOTH_LANES if isinstance(self.state.lanes[lane].phase, Failed)]
        if not self.inputs.is_empty:
            self._launch(failed, None)
        self._on_change()

    def ask_now(self) -> None:
        """Send what waits for a rate limit or a retry at once, as it would have left by itself."""
        self._gate.lift()
        waiting = [lane for lane in BOTH_LANES if isinstance(self.state.lanes[lane].phase, RateLimited | Retrying)]
        for flight in list(dict.fromkeys(self._flights[lane] for lane in waiting)):
            lanes = [lane for lane in flight.lanes if lane in waiting]
            if flight.hurry():
                for lane in lanes:
                    window = self.state.lanes[lane].window
                    self.state.start(lane, flight.run, flight.wanted.of_lane(lane), self.clock(), window)
            else:
                self._launch(lanes, None, flight.wanted)
        self._on_change()

    @property
    def can_reread(self) -> bool:
        """Whether the engine can tell of the steered text what its stream did not: the activations of the dials."""
        return self._rereading.is_possible(self.inputs.watched)

    def reread(self) -> None:
        """Read the steered text once more, without steering, for the activations of the dials' features."""
        assert self._group is not None, "the controller's run() has not begun"
        self._rereading.begin(self._group, self.inputs.watched)

    def cancel(self) -> bool:
        """Stop whatever is under way; False when nothing was."""
        was_generating = self.state.is_generating
        self._cancel(BOTH_LANES)
        self._rereading.give_way()
        self._on_change()
        return was_generating

    def _settle(self, lanes: list[Lane]) -> None:
        """Start lanes after the debounce; one that was turned back to what its finished text was made from rests."""
        back = [lane for lane in lanes if self._is_back(lane)]
        self._cancel(back)
        self._launch([lane for lane in lanes if lane not in back], self._debounce)

    def _is_back(self, lane: Lane) -> bool:
        phase = self.state.lanes[lane].phase
        return isinstance(phase, Settling) and isinstance(phase.rest, Done) and not self.is_stale(lane)

    def _is_unused(self, lane: Lane) -> bool:
        return isinstance(self.state.lanes[lane].phase, Idle)

    def _missing(self) -> list[Lane]:
        """The lanes that are neither finished nor under way for what is set now."""
        missing = []
        for lane in BOTH_LANES:
            state, flight = self.state.lanes[lane], self._flights.get(lane)
            if flight is not None and flight.is_active and state.is_generating:
                holds = flight.wanted.of_lane(lane) == self.inputs.of_lane(lane)
            else:
                holds = isinstance(state.phase, Done) and not self.is_stale(lane)
            if not holds:
                missing.append(lane)
        return missing

    def _waiting(self) -> list[Lane]:
        return [lane for lane in BOTH_LANES if isinstance(self.state.lanes[lane].phase, RateLimited)]

    def _cancel(self, lanes: Iterable[Lane]) -> None:
        for lane in lanes:
            if self.state.lanes[lane].is_generating:
                self._flights[lane].cancel()
                self.state.cancel(lane)

    def _launch(self, lanes: Iterable[Lane], debounce: float | None, inputs: Inputs | None = None) -> None:
        """Put the lanes on new flights; a lane that shared a flight with one of them and has not ended comes along."""
        wanted = set(lanes)
        closing = [flight for flight in dict.fromkeys(self._flights.values()) if wanted & set(flight.lanes)]
        wanted |= {lane for f in closing for lane in f.lanes if f is self._flights[lane] and self._is_flying(lane)}
        ordered = tuple(lane for lane in BOTH_LANES if lane in wanted)
        together = self._engine.info.lanes is LanePolicy.TOGETHER
        for group in [ordered] if together and ordered else [(lane,) for lane in ordered]:
            flight = Flight(group, inputs or self.inputs, next(self._runs))
            former = {old for lane in group for old in self._unclosed[lane]}
            for old in former:
                old.cancel()
            ending = [task for old in former for task in (old.task, old.turning) if task is not None]
            ending += self._rereading.give_way()
            assert self._group is not None, "the controller's run() has not begun"
            self._show_start(flight, debounce)
            flight.task = self._group.create_task(self._fly(flight, ending, debounce))
            for lane in group:
                self._flights[lane] = flight
                self._unclosed[lane].add(flight)
            flight.task.add_done_callback(partial(self._note_closed, flight))

    def _note_closed(self, flight: Flight, _: "asyncio.Task[None]") -> None:
        if flight.has_closed:
            for lane in flight.lanes:
                self._unclosed[lane].discard(flight)
            self._make_good_a_late_turn(flight)
            if self._group is not None and not self.state.is_generating:
                self._rereading.begin_freely(self._group, self.inputs.watched)

    def _is_flying(self, lane: Lane) -> bool:
        return self._flights[lane].is_active and self.state.lanes[lane].is_generating

    def _show_start(self, flight: Flight, debounce: float | None) -> None:
        for lane in flight.lanes:
            if self._gate.error is not None and self._gate.seconds_left > 0:
                self.state.limit(lane, self._gate.until, self._gate.error)
            elif debounce is not None:
                self.state.settle(lane)
            else:
                self.state.start(lane, flight.run, flight.inputs.of_lane(lane), self.clock(), None)

    @property
    def _acts_live(self) -> bool:
        return self.live and self.can_live and isinstance(self.state.lanes[Lane.STEERED].phase, Streaming)

    def _turn(self) -> None:
        """Bring the dials as they stand to the steered lane that streams."""
        flight = self._flights[Lane.STEERED]
        flight.wanted = flight.inputs.with_dials_of(self.inputs)
        if not flight.is_turning:
            assert self._group is not None and isinstance(self._engine, LiveDials)
            turning = turn_live(flight, self._engine, self.state, self._on_change, deadline=self._deadlines.silence)
            flight.turning = self._group.create_task(turning)
            flight.turning.add_done_callback(partial(self._note_closed, flight))

    def _make_good_a_late_turn(self, flight: Flight) -> None:
        """A turn for which the text was over too soon does what it would have done after its end."""
        state = self.state.lanes[Lane.STEERED]
        ended = flight.turning is not None and state.run == flight.run and isinstance(state.phase, Done)
        late = ended and state.turn_error is None and self.is_stale(Lane.STEERED)
        if late and self.auto and not self.inputs.is_empty and self._group is not None:
            self._settle([Lane.STEERED])
            self._on_change()

    async def _fly(self, flight: Flight, ending: list["asyncio.Task[None]"], debounce: float | None) -> None:
        # The old stream of a lane is closed before its new one starts: a server may have one slot only.
        if ending:
            await asyncio.wait(ending)
        if debounce is not None and self._gate.seconds_left <= 0:
            await self._sleep(debounce)
        if self._engine.info.lanes is LanePolicy.ONE_AT_A_TIME:
            await self._let_steered_go_first(flight)
            async with self._slot.alone():
                await self._deliver(flight)
        else:
            async with self._slot.beside():
                await self._deliver(flight)

    async def _let_steered_go_first(self, flight: Flight) -> None:
        # A dial cancels the steered flight for a new one, and the lane that waits must not slip in between the two.
        while Lane.STEERED not in flight.lanes:
            ahead = self._flights.get(Lane.STEERED)
            if ahead is None or ahead.task is None or ahead.task.done():
                return
            await asyncio.wait([ahead.task])

    async def _deliver(self, flight: Flight) -> None:
        state, clock = self.state, self.clock
        window: PromptWindow | None = None

        def unfinished() -> list[Lane]:
            return [lane for lane in flight.lanes if not isinstance(state.lanes[lane].phase, Done | Failed)]

        def leave(request: GenerationRequest) -> GenerationRequest:
            leaving = flight.leave(request.lanes)
            for lane in unfinished():
                state.start(lane, flight.run, flight.inputs.of_lane(lane), clock(), window)
            self._on_change()
            return leaving

        def take(event: Event) -> None:
            state.apply(event, flight.run, clock())
            self._on_change()

        def load() -> None:
            for lane in unfinished():
                state.lanes[lane].has_waited_for_loading = True

        async def pause(wait: Pause) -> None:
            until = clock() + wait.seconds
            for lane in unfinished():
                if wait.attempt is None:
                    state.limit(lane, until, wait.error)
                else:
                    state.retry(lane, wait.attempt, until, wait.error)
            self._on_change()
            await flight.pause(self._sleep(wait.seconds))

        request = flight.inputs.request(flight.lanes)
        try:
            if isinstance(self._engine, Windows):
                if self._gate.seconds_left <= 0:
                    leave(request)
                window = await read_window(self._engine, request, self._deadlines)
            await deliver(
                self._engine,
                request,
                take,
                pause,
                leave=leave,
                goes_on=lambda lane: state.lanes[lane].could_repeat,
                on_difference=state.differ,
                on_loading=load,
                gate=self._gate,
                deadlines=self._deadlines,
                pace=lambda: self.pace,
                clock=clock,
                sleep=self._sleep,
            )
        except SteerError as error:
            if flight.cancelled:
                return  # an engine took the cancel for a failure of its own
            for lane in unfinished():
                state.fail(lane, error)
        except Exception as fault:  # noqa: BLE001  whatever fails belongs to the lanes
            broke = broken(fault)
            for lane in [] if flight.cancelled else unfinished():
                state.fail(lane, broke)
        self._on_change()
