"""Recordings of runs, and the engine that plays one back: no model, no server, no network."""

from steer_tui.engines.replay.engine import Replay
from steer_tui.engines.replay.recorded import RecordedRun, Recording, TimedEvent

__all__ = ["RecordedRun", "Recording", "Replay", "TimedEvent"]
