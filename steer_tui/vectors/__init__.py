"""Directions from files: control vectors, plain arrays and the rows of sparse autoencoders."""

from steer_tui.vectors.direction import EMBEDDING, Direction, Encoder
from steer_tui.vectors.formats.stored_array import WIDTH_MAX
from steer_tui.vectors.reading import read_vector_file
from steer_tui.vectors.saes.sae import Sae, is_sae, open_sae
from steer_tui.vectors.vector_file import VectorFile
from steer_tui.vectors.writing import write_vectors

__all__ = [
    "EMBEDDING",
    "WIDTH_MAX",
    "Direction",
    "Encoder",
    "Sae",
    "VectorFile",
    "is_sae",
    "open_sae",
    "read_vector_file",
    "write_vectors",
]
