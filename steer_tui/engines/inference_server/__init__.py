"""Neuronpedia's inference server, run by oneself: one model and its SAEs behind `/v1`."""

from steer_tui.engines.inference_server.engine import InferenceServer

__all__ = ["InferenceServer"]
