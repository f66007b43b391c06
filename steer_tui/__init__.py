"""Steer a language model with dials and watch it speak, in a terminal."""

__version__ = "0.1.0"
