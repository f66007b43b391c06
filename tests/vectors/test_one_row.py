"""One row of a large SAE, without loading the rest."""

import json
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from vectors.making import random_numbers, save_npz, write_settings

from steer_tui.vectors import open_sae

MIB = 1 << 20
ROW = random_numbers(1, 512)


@contextmanager
def reading_at_most(megabytes: int, of_memory: int) -> Iterator[None]:
    """What is done within reads few bytes, where the system counts them, and keeps few."""
    counted = Path("/proc/self/io")
    before = bytes_read(counted)
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert bytes_read(counted) - before < megabytes * MIB
    assert peak < of_memory * MIB


def bytes_read(counted: Path) -> int:
    try:
        return int(counted.read_text().split()[1])
    except OSError:
        return 0


@pytest.mark.parametrize(("dtype", "bits"), [("F32", np.float32), ("F16", np.float16)])
def test_of_a_safetensors_file_of_gigabytes(tmp_path: Path, dtype: str, bits: type[np.generic]) -> None:
    """The file has holes where nobody reads, so that it takes no room on the disk."""
    width, count, index = 512, 1 << 20, 999_999
    size = np.dtype(bits).itemsize
    matrix = width * count * size
    header = json.dumps(
        {
            "W_enc": {"dtype": dtype, "shape": [width, count], "data_offsets": [0, matrix]},
            "W_dec": {"dtype": dtype, "shape": [count, width], "data_offsets": [matrix, 2 * matrix]},
        }
    ).encode()
    start = 8 + len(header)
    write_settings(tmp_path / "cfg.json", hook_name="blocks.3.hook_resid_post", d_in=width)
    with (tmp_path / "sae_weights.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(start + 2 * matrix)
        file.seek(start + matrix + index * width * size)
        file.write(ROW.astype(bits).tobytes())
        for place, value in enumerate(ROW.astype(bits)):
            file.seek(start + (place * count + index) * size)
            file.write(value.tobytes())
    with reading_at_most(1, of_memory=4):
        sae = open_sae(tmp_path)
        direction, encoder = sae.direction(index, width), sae.encoder(index, width)
    assert encoder is not None
    assert direction.values.tolist() == encoder.values.tolist() == ROW.astype(bits).astype(np.float32).tolist()


@pytest.mark.parametrize("compressed", [False, True], ids=["as it is", "compressed"])
def test_of_an_npz_file(tmp_path: Path, compressed: bool) -> None:
    decoder = np.zeros((1 << 15, 512), np.float32)
    decoder[20_000] = ROW
    place = tmp_path / "layer_3"
    save_npz(place / "params.npz", {"w_dec": decoder, "w_enc": decoder.T}, compressed=compressed)
    with reading_at_most(1, of_memory=36 if compressed else 4):
        sae = open_sae(place)
        direction, encoder = sae.direction(20_000, 512), sae.encoder(20_000, 512)
    assert encoder is not None
    assert direction.values.tolist() == encoder.values.tolist() == ROW.tolist()
