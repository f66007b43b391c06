"""Other people's SAEs: every fault is one clear sentence, with what to do next."""

from pathlib import Path

import numpy as np
import pytest
from vectors.kinds import one_clear_sentence
from vectors.making import (
    WIDTH,
    random_numbers,
    saelens,
    weights,
    write_settings,
)

from steer_tui.domain import Malformed, NotFound
from steer_tui.vectors import open_sae


@pytest.mark.parametrize("row", ["zeros", "no numbers"])
def test_a_feature_that_points_nowhere(tmp_path: Path, row: str) -> None:
    arrays = weights()
    arrays["W_dec"][3] = 0 if row == "zeros" else np.nan
    sae = open_sae(saelens(tmp_path, arrays))
    assert sae.direction(2, WIDTH).values.any()
    with pytest.raises(Malformed, match="the direction of feature 3 (is all zeros|has 4 numbers that are)"):
        sae.direction(3, WIDTH)


@pytest.mark.parametrize("part", [0.02, 0.5, 0.99])
def test_an_sae_that_ends_too_early(tmp_path: Path, part: float) -> None:
    path = saelens(tmp_path) / "sae_weights.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(Malformed, match="cannot be read") as broken:
        open_sae(tmp_path)
    one_clear_sentence(broken.value, path)


def test_an_sae_without_settings(tmp_path: Path) -> None:
    (saelens(tmp_path) / "cfg.json").unlink()
    with pytest.raises(NotFound, match="There is no .*cfg.json"):
        open_sae(tmp_path)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"decoder": weights()["W_dec"]}, r"holds no W_dec \(its arrays are: 'decoder'\)"),
        ({"W_dec": random_numbers(1, 2, 3, 4)}, "no table with one row for each feature but 2 × 3 × 4"),
        ({"W_dec": random_numbers(1, 4)}, "no table"),
        (weights() | {"b_dec": random_numbers(1, 2, 2)}, "'b_dec' is no row of numbers"),
    ],
)
def test_an_sae_whose_arrays_are_others(tmp_path: Path, arrays: dict[str, np.ndarray], says: str) -> None:
    with pytest.raises(Malformed, match=says):
        open_sae(saelens(tmp_path, arrays))


@pytest.mark.parametrize("text", ["[1]", "{", "NaN"])
def test_an_sae_whose_settings_are_none(tmp_path: Path, text: str) -> None:
    (saelens(tmp_path) / "cfg.json").write_text(text)
    with pytest.raises(Malformed, match="cfg.json cannot be read"):
        open_sae(tmp_path)


def test_a_folder_that_holds_no_sae(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="holds no SAE") as missing:
        open_sae(tmp_path)
    assert "sae_weights.safetensors" in missing.value.hint
    with pytest.raises(NotFound, match="There is no "):
        open_sae(tmp_path / "nothing")
    with pytest.raises(NotFound, match="is a file, and an SAE is a folder"):
        open_sae(write_settings(tmp_path / "cfg.json"))


def test_a_folder_of_several_saes_names_one(tmp_path: Path) -> None:
    saelens(tmp_path / "layers.0")
    saelens(tmp_path / "layers.1")
    with pytest.raises(NotFound, match="is no SAE, but holds 2 of them") as missing:
        open_sae(tmp_path)
    assert missing.value.hint == f"Name one, such as {tmp_path / 'layers.0'}."
