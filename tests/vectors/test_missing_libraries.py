"""With the base install alone, files that need a library say so, and the others work."""

import json
import sys
from pathlib import Path

import pytest
from vectors.making import random_numbers, saelens, save_gguf, save_npz, weights, write_tensors

from steer_tui.domain import Unsupported
from steer_tui.vectors import Direction, VectorFile, open_sae, read_vector_file, write_vectors

V = random_numbers(1, 4)
HINT = "Install it with: pip install 'steer-tui[vectors]'"


@pytest.fixture
def base_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one file of each kind, and an interpreter without the extra."""
    save_gguf(tmp_path / "v.gguf", {"direction.3": V})
    write_tensors(tmp_path / "v.safetensors", {"layer.3": V})
    save_npz(tmp_path / "v.npz", {"layer.3": V})
    (tmp_path / "v.json").write_text(json.dumps({"layer.3": V.tolist()}))
    (tmp_path / "v.svec").write_text(json.dumps({"model_type": "llama", "directions": {"3": [V.tolist()]}}))
    saelens(tmp_path / "sae")
    save_npz(tmp_path / "layer_20" / "params.npz", weights())
    for library in ("gguf", "safetensors", "safetensors.numpy"):
        monkeypatch.setitem(sys.modules, library, None)
    return tmp_path


@pytest.mark.parametrize("library", ["gguf", "safetensors"])
def test_a_file_that_needs_a_library_says_how_to_install_it(base_install: Path, library: str) -> None:
    vectors = VectorFile(Path(), (Direction(V, 3),))
    for act in (lambda path: read_vector_file(path), lambda path: write_vectors(path, vectors)):
        with pytest.raises(Unsupported, match=f"needs the library {library}, which is not installed") as refused:
            act(base_install / f"v.{library}")
        assert refused.value.hint == HINT


def test_so_does_an_sae(base_install: Path) -> None:
    with pytest.raises(Unsupported, match="needs the library safetensors") as refused:
        open_sae(base_install / "sae")
    assert refused.value.hint == HINT


def test_the_other_kinds_work(base_install: Path) -> None:
    for kind in ("npz", "json", "svec"):
        (direction,) = read_vector_file(base_install / f"v.{kind}").directions
        assert (direction.layer, direction.values.tolist()) == (3, V.tolist())
    assert open_sae(base_install / "layer_20").direction(1, 4).values.tolist() == weights()["W_dec"][1].tolist()
