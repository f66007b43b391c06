"""Files with any bytes changed are read or refused, and nothing else happens."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vectors.kinds import MAKERS, every_kind
from vectors.making import (
    COUNT,
    WIDTH,
    saelens,
    save_npz,
    weights,
)

from steer_tui.domain import Malformed, NotFound, Rejected, Unsupported
from steer_tui.vectors import open_sae, read_vector_file


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(data=st.data())
@every_kind
def test_a_damaged_file_is_read_or_refused_and_nothing_else(tmp_path: Path, name: str, data: st.DataObject) -> None:
    path = MAKERS[name](tmp_path / name)
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole[: data.draw(st.integers(len(whole) // 2, len(whole)))])
    try:
        file = read_vector_file(path)
    except (Malformed, Unsupported, NotFound, Rejected) as error:
        assert error.message
    else:
        assert all(np.isfinite(direction.values).all() for direction in file.directions)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(data=st.data())
@pytest.mark.parametrize("kind", ["saelens", "gemma scope", "gemma scope, compressed"])
def test_a_damaged_sae_is_read_or_refused_and_nothing_else(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    folder = tmp_path / "layer_3"
    if kind == "saelens":
        paths = [saelens(folder) / "sae_weights.safetensors", folder / "cfg.json"]
    else:
        paths = [save_npz(folder / "params.npz", weights(), compressed="compressed" in kind)]
    path = data.draw(st.sampled_from(paths))
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole)
    try:
        sae = open_sae(folder)
        assert np.isfinite(sae.direction(COUNT - 1, WIDTH).values).all()
        sae.encoder(COUNT - 1, WIDTH)
    except (Malformed, Unsupported, NotFound, Rejected) as error:
        assert error.message
