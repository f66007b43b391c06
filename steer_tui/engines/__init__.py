"""Everything that can generate text, one room per engine, all behind one door."""

from steer_tui.engines.door import (
    Controls,
    Engine,
    EngineInfo,
    Explains,
    LanePolicy,
    LiveDials,
    Prepares,
    PromptWindow,
    Quota,
    Reading,
    Rereads,
    Resumes,
    Windows,
)
from steer_tui.engines.registry import ENGINE_NAMES, open_engine

__all__ = [
    "ENGINE_NAMES",
    "Controls",
    "Engine",
    "EngineInfo",
    "Explains",
    "LanePolicy",
    "LiveDials",
    "Prepares",
    "PromptWindow",
    "Quota",
    "Reading",
    "Rereads",
    "Resumes",
    "Windows",
    "open_engine",
]
