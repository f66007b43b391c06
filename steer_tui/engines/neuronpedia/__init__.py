"""Neuronpedia's hosted API behind the engine's door."""

from steer_tui.engines.neuronpedia.engine import HostedNeuronpedia

__all__ = ["HostedNeuronpedia"]
