"""What happens to a request: the state machine, and the controller that debounces, starts, cancels and retries."""

from steer_tui.generation.controller import Controller
from steer_tui.generation.delivery import RETRIES, Deadlines, Pause, RateGate, deliver
from steer_tui.generation.inputs import Inputs
from steer_tui.generation.phases import (
    Cancelled,
    Connecting,
    Done,
    Failed,
    Idle,
    IllegalTransition,
    Phase,
    RateLimited,
    Retrying,
    Settling,
    Streaming,
)
from steer_tui.generation.state import GenerationState, LaneState, RereadFailure, Turn
from steer_tui.generation.transcript import Transcript

__all__ = [
    "RETRIES",
    "Cancelled",
    "Connecting",
    "Controller",
    "Deadlines",
    "Done",
    "Failed",
    "GenerationState",
    "Idle",
    "IllegalTransition",
    "Inputs",
    "LaneState",
    "Pause",
    "Phase",
    "RateGate",
    "RateLimited",
    "RereadFailure",
    "Retrying",
    "Settling",
    "Streaming",
    "Transcript",
    "Turn",
    "deliver",
]
