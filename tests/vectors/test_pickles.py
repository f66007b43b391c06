"""Pickles stay closed, whatever they are called: reading one runs whatever code it holds."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from steer_tui.domain import SteerError, Unsupported
from steer_tui.vectors import open_sae, read_vector_file


class Trap:
    """What runs when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.path,))


@pytest.fixture
def sprung(tmp_path: Path) -> Path:
    return tmp_path / "sprung"


def stays_closed(error: SteerError, sprung: Path) -> None:
    assert "reading a pickle runs whatever code it holds" in error.message
    assert "weights_only=True" in error.hint
    assert "safetensors" in error.hint
    assert not sprung.exists()


@pytest.mark.parametrize("name", ["v.pt", "v.pth", "v.bin", "v.pkl", "V.PT", "v.ckpt"])
def test_a_pickle_is_refused_by_its_name(tmp_path: Path, sprung: Path, name: str) -> None:
    (tmp_path / name).write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(Unsupported) as refused:
        read_vector_file(tmp_path / name)
    stays_closed(refused.value, sprung)


@pytest.mark.parametrize("suffix", [".npz", ".npy"])
def test_an_array_of_objects_is_refused(tmp_path: Path, sprung: Path, suffix: str) -> None:
    path = tmp_path / f"v{suffix}"
    objects = np.array([Trap(sprung)], dtype=object)
    if suffix == ".npz":
        np.savez(path, layer_3=objects)
    else:
        np.save(path, objects, allow_pickle=True)
    with pytest.raises(Unsupported, match="holds Python objects") as refused:
        read_vector_file(path)
    stays_closed(refused.value, sprung)


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".json", ".svec", ".safetensors", ".gguf"])
def test_a_pickle_under_another_name_is_not_opened_either(tmp_path: Path, sprung: Path, suffix: str) -> None:
    (tmp_path / f"v{suffix}").write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(SteerError):
        read_vector_file(tmp_path / f"v{suffix}")
    assert not sprung.exists()


def test_an_sae_in_a_pickle_is_refused_with_the_reason(tmp_path: Path, sprung: Path) -> None:
    (tmp_path / "ae.pt").write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(Unsupported) as refused:
        open_sae(tmp_path)
    stays_closed(refused.value, sprung)
