"""vLLM servers that can be steered: with the vllm-lens plugin, or of the EasySteer fork."""

from steer_tui.engines.vllm.easysteer import EasySteer
from steer_tui.engines.vllm.lens import VllmLens

__all__ = ["EasySteer", "VllmLens"]
