"""Rows and columns are told by the sizes, never by the names."""

from pathlib import Path

import numpy as np
import pytest
from vectors.making import COUNT, WIDTH, Floats, random_numbers, saelens, save_npz, weights

from steer_tui.domain import Malformed, NotFound, Rejected, Unsupported
from steer_tui.vectors import open_sae


def turned(*names: str) -> dict[str, Floats]:
    """The usual weights, some of them the other way round."""
    return {name: np.ascontiguousarray(array.T) if name in names else array for name, array in weights().items()}


@pytest.mark.parametrize("names", [(), ("W_dec",), ("W_enc",), ("W_dec", "W_enc")], ids=str)
@pytest.mark.parametrize("width", [WIDTH, None], ids=["the model is known", "only the settings"])
def test_a_feature_is_the_same_whichever_way_round_its_tables_lie(
    tmp_path: Path, names: tuple[str, ...], width: int | None
) -> None:
    sae = open_sae(saelens(tmp_path, turned(*names), d_sae=None))
    assert sae.count == COUNT
    for index in range(COUNT):
        encoder = sae.encoder(index, width)
        assert encoder is not None
        assert sae.direction(index, width).values.tolist() == weights()["W_dec"][index].tolist()
        assert encoder.values.tolist() == weights()["W_enc"][:, index].tolist()


@pytest.mark.parametrize("names", [(), ("W_dec",)], ids=str)
def test_without_settings_the_decoders_bias_tells_the_width(tmp_path: Path, names: tuple[str, ...]) -> None:
    save_npz(tmp_path / "params.npz", turned(*names))
    sae = open_sae(tmp_path)
    assert sae.count == COUNT
    assert sae.direction(5, None).values.tolist() == weights()["W_dec"][5].tolist()


@pytest.mark.parametrize("names", [(), ("W_dec",)], ids=str)
def test_where_nothing_tells_the_width_it_is_asked_for(tmp_path: Path, names: tuple[str, ...]) -> None:
    save_npz(tmp_path / "params.npz", {"w_dec": turned(*names)["W_dec"]})
    sae = open_sae(tmp_path)
    with pytest.raises(Unsupported, match="Nothing in .* says how wide") as refused:
        sae.direction(0, None)
    assert "once the model is known" in refused.value.hint
    assert sae.direction(5, WIDTH).values.tolist() == weights()["W_dec"][5].tolist()


def test_of_a_square_table_the_name_is_believed(tmp_path: Path) -> None:
    square = {"W_dec": random_numbers(1, WIDTH, WIDTH), "W_enc": random_numbers(2, WIDTH, WIDTH)}
    sae = open_sae(saelens(tmp_path, square, architecture="standard", apply_b_dec_to_input=False))
    encoder = sae.encoder(1, WIDTH)
    assert encoder is not None
    assert sae.count == WIDTH
    assert sae.direction(1, WIDTH).values.tolist() == square["W_dec"][1].tolist()
    assert encoder.values.tolist() == square["W_enc"][:, 1].tolist()


@pytest.mark.parametrize("width", [5, COUNT, 2304])
def test_an_sae_of_another_model_is_a_sentence_even_where_its_count_is_the_models_width(
    tmp_path: Path, width: int
) -> None:
    sae = open_sae(saelens(tmp_path))
    for ask in (sae.direction, sae.encoder):
        with pytest.raises(Rejected, match=f"for a residual stream 4 wide, and this model's is {width:,}") as refused:
            ask(0, width)
    assert refused.value.hint == "Choose an SAE that was trained on this model."


def test_an_sae_of_another_model_is_found_without_settings_too(tmp_path: Path) -> None:
    save_npz(tmp_path / "params.npz", {"w_dec": weights()["W_dec"]})
    with pytest.raises(Rejected, match="6 or 4 wide, and this model's is 5"):
        open_sae(tmp_path).direction(0, 5)


@pytest.mark.parametrize("settings", [{"d_in": 5}, {"d_in": "many"}, {"d_in": 0}, {"d_in": True}])
def test_settings_that_contradict_the_weights_are_a_sentence(tmp_path: Path, settings: dict[str, object]) -> None:
    with pytest.raises(Malformed, match="the settings"):
        open_sae(saelens(tmp_path, **settings))
    with pytest.raises(Malformed, match="no side is 5" if settings["d_in"] == 5 else "the settings"):
        open_sae(saelens(tmp_path, {"W_dec": weights()["W_dec"]}, **settings))


@pytest.mark.parametrize("index", [-1, COUNT, 10**9])
def test_an_index_that_is_not_there_is_a_sentence(tmp_path: Path, index: int) -> None:
    sae = open_sae(saelens(tmp_path))
    for ask in (sae.direction, sae.encoder):
        with pytest.raises(NotFound, match=f"has no feature {index}: it has 6, counted from 0") as missing:
            ask(index, WIDTH)
    assert missing.value.hint == "Name one from 0 to 5."
