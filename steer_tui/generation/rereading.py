"""Reads the steered text once more, without steering, for activations that its stream did not tell.

A re-read never runs beside a generation that starts: it gives way to it.
"""

import asyncio
from collections.abc import Callable, Sequence

from steer_tui.domain import Feature, Lane, SteerError
from steer_tui.engines import Engine, Reading, Rereads
from steer_tui.engines.services import RereadsFreely
from steer_tui.generation.delivery import broken
from steer_tui.generation.patience import patience
from steer_tui.generation.phases import Done
from steer_tui.generation.state import GenerationState, RereadFailure


class Rereading:
    """At most one re-read at a time; what it gives and what went wrong stand in the state."""

    def __init__(self, engine: Engine, state: GenerationState, on_change: Callable[[], None]) -> None:
        self._engine = engine
        self._reader = engine if isinstance(engine, Rereads) else None
        self._state, self._lane = state, state.lanes[Lane.STEERED]
        self._on_change = on_change
        self._task: asyncio.Task[None] | None = None
        self._unclosed: set[asyncio.Task[None]] = set()
        self._failed_at: tuple[int, int] | None = None
        """The extent of the text that could not be read by itself."""

    def is_possible(self, features: Sequence[Feature]) -> bool:
        """Whether there is a text whose stream told nothing of the features, and an engine that can read it."""
        transcript = self._lane.transcript
        is_whole = bool(len(transcript)) and not self._lane.is_generating
        return self._reader is not None and is_whole and bool(features) and not transcript.activations

    def begin(self, group: asyncio.TaskGroup, features: Sequence[Feature]) -> None:
        """Read the text because the person wants it, in place of a re-read that is under way."""
        if self.is_possible(features):
            self._start(group, features, was_asked_for=True)

    def begin_freely(self, group: asyncio.TaskGroup, features: Sequence[Feature]) -> None:
        """Read a text that has ended, once, where that costs nothing."""
        is_free = isinstance(self._engine, RereadsFreely) and self._engine.rereads_freely
        transcript = self._lane.transcript
        is_news = not transcript.reread and self._failed_at != transcript.extent and not self._is_under_way
        if is_free and is_news and isinstance(self._lane.phase, Done) and self.is_possible(features):
            self._start(group, features, was_asked_for=False)

    def give_way(self) -> list[asyncio.Task[None]]:
        """End what is under way; gives what is to be waited for until it has ended."""
        if self._task is not None and self._is_under_way:
            self._task.cancel()
        return list(self._unclosed)

    @property
    def _is_under_way(self) -> bool:
        # A second cancel would break off an engine that is closing after the first.
        return self._task is not None and not (self._task.done() or self._task.cancelling())

    def _start(self, group: asyncio.TaskGroup, features: Sequence[Feature], *, was_asked_for: bool) -> None:
        assert self._reader is not None, "the engine can read"
        former = self.give_way()
        self._task = group.create_task(self._read(self._reader, features, former, was_asked_for=was_asked_for))
        self._unclosed.add(self._task)
        self._task.add_done_callback(self._unclosed.discard)

    async def _read(
        self,
        reader: Rereads,
        features: Sequence[Feature],
        former: Sequence[asyncio.Task[None]],
        *,
        was_asked_for: bool,
    ) -> None:
        if former:
            await asyncio.wait(former)
        transcript, text_from = self._lane.transcript, self._lane.text_from
        assert text_from is not None, "there is a text"
        prompt, extent = text_from[0], transcript.extent
        error: SteerError
        try:
            async with patience(len(features), engine=self._engine):
                reading = await reader.reread(prompt + transcript.text, features)
            rows = _rows_behind(prompt, reading)
            columns = {feature.id: [row[n] for row in rows] for n, feature in enumerate(features)}
        except SteerError as failure:
            error = failure
        except Exception as fault:  # noqa: BLE001  whatever fails ends the re-read, and nothing else
            error = broken(fault)
        else:
            if transcript.extent == extent:
                self._state.note_reread(Lane.STEERED, columns)
                self._on_change()
            return
        if not was_asked_for:
            self._failed_at = extent
        self._state.fail_reread(Lane.STEERED, RereadFailure(error, was_asked_for))
        self._on_change()


def _rows_behind(prompt: str, reading: Reading) -> list[tuple[float, ...]]:
    """The activations of the tokens that end behind the prompt."""
    rows, end = [], 0
    for token, row in zip(reading.tokens, reading.activations, strict=True):
        end += len(token)
        if end > len(prompt):
            rows.append(row)
    return rows
