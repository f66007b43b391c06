"""Runs as files: one JSON object a line, the first of them what the run was made from, each other one an event."""

from steer_tui.generation.recording.reading import read_recording
from steer_tui.generation.recording.writing import Recorder, new_recording

__all__ = ["Recorder", "new_recording", "read_recording"]
