"""What SAELens's options make of an activation, each against its own formula on whole matrices."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vectors.making import COUNT, WIDTH, Floats, random_numbers, saelens, weights, write_settings

from steer_tui.domain import Malformed
from steer_tui.vectors import Sae, open_sae

RESIDUALS = random_numbers(20, 200, WIDTH)


def read(sae: Sae) -> Floats:
    """The activations of all features on RESIDUALS, by their encoders."""
    columns = []
    for index in range(COUNT):
        encoder = sae.encoder(index, WIDTH)
        assert encoder is not None
        before = RESIDUALS.astype(np.float64) @ encoder.values + encoder.bias
        columns.append(np.where(before > encoder.threshold, before, 0.0))
    return np.stack(columns, axis=1)


def jump(before: Floats, threshold: Floats) -> Floats:
    return np.where(before > threshold, np.maximum(before, 0), 0)


def without(*names: str) -> dict[str, Floats]:
    return {name: array for name, array in weights().items() if name not in names}


@pytest.mark.parametrize("subtracts", [True, False])
def test_a_jumprelu_sae(tmp_path: Path, subtracts: bool) -> None:
    w = weights()
    before = (RESIDUALS - w["b_dec"] * subtracts) @ w["W_enc"] + w["b_enc"]
    sae = open_sae(saelens(tmp_path, apply_b_dec_to_input=subtracts))
    assert read(sae) == pytest.approx(jump(before, w["threshold"]), abs=1e-5)


@pytest.mark.parametrize("architecture", ["standard", "topk"])
def test_a_relu_sae_and_one_that_keeps_the_largest_as_it_stood_before(tmp_path: Path, architecture: str) -> None:
    w = without("threshold")
    before = (RESIDUALS - w["b_dec"]) @ w["W_enc"] + w["b_enc"]
    sae = open_sae(saelens(tmp_path, w, architecture=architecture))
    assert read(sae) == pytest.approx(np.maximum(before, 0), abs=1e-5)


def test_an_old_one_without_a_word_on_the_decoders_bias_subtracts_it(tmp_path: Path) -> None:
    w = without("threshold")
    before = (RESIDUALS - w["b_dec"]) @ w["W_enc"] + w["b_enc"]
    sae = open_sae(saelens(tmp_path, w, apply_b_dec_to_input=None, architecture=None))
    assert read(sae) == pytest.approx(np.maximum(before, 0), abs=1e-5)


def test_thresholds_in_logarithms(tmp_path: Path) -> None:
    w = weights()
    stored = {**without("threshold"), "log_threshold": np.log(w["threshold"])}
    before = (RESIDUALS - w["b_dec"]) @ w["W_enc"] + w["b_enc"]
    assert read(open_sae(saelens(tmp_path, stored))) == pytest.approx(jump(before, w["threshold"]), abs=1e-5)


def test_a_threshold_below_zero_lets_nothing_negative_pass(tmp_path: Path) -> None:
    w = weights() | {"threshold": np.full(COUNT, -1, np.float32)}
    before = (RESIDUALS - w["b_dec"]) @ w["W_enc"] + w["b_enc"]
    assert read(open_sae(saelens(tmp_path, w))) == pytest.approx(np.maximum(before, 0), abs=1e-5)


def test_a_gated_sae(tmp_path: Path) -> None:
    w = without("threshold", "b_enc") | {
        "b_gate": random_numbers(6, COUNT),
        "b_mag": random_numbers(7, COUNT),
        "r_mag": random_numbers(8, COUNT),
    }
    inside = (RESIDUALS - w["b_dec"]) @ w["W_enc"]
    active = inside + w["b_gate"] > 0
    expected = active * np.maximum(inside * np.exp(w["r_mag"]) + w["b_mag"], 0)
    assert read(open_sae(saelens(tmp_path, w, architecture="gated"))) == pytest.approx(expected, abs=1e-5)


def test_activations_in_units_of_a_decoder_row_of_length_one(tmp_path: Path) -> None:
    w = without("threshold")
    before = ((RESIDUALS - w["b_dec"]) @ w["W_enc"] + w["b_enc"]) * np.linalg.norm(w["W_dec"], axis=1)
    sae = open_sae(saelens(tmp_path, w, architecture="topk", rescale_acts_by_decoder_norm=True))
    assert read(sae) == pytest.approx(np.maximum(before, 0), abs=1e-4)


@pytest.mark.parametrize("way", ["expected_average_only_in", True])
def test_a_scale_of_the_input_that_stands_beside_is_taken_in(tmp_path: Path, way: object) -> None:
    w = weights()
    folder = saelens(tmp_path, normalize_activations=way)
    write_settings(folder / "activation_scaler.json", scaling_factor=0.5)
    before = (0.5 * RESIDUALS - w["b_dec"]) @ w["W_enc"] + w["b_enc"]
    assert read(open_sae(folder)) == pytest.approx(jump(before, w["threshold"]), abs=1e-5)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"normalize_activations": "expected_average_only_in"}, "a number that only activation_scaler.json"),
        ({"normalize_activations": "layer_norm"}, "'layer_norm'"),
        ({"normalize_activations": "constant_norm_rescale"}, "'constant_norm_rescale'"),
        ({"architecture": "abstopk"}, "'abstopk'"),
        ({"architecture": "matching_pursuit"}, "'matching_pursuit'"),
        ({"activation_fn_str": "tanh-relu"}, "'tanh-relu'"),
    ],
)
def test_where_activations_cannot_be_read_the_direction_still_works(
    tmp_path: Path, settings: dict[str, Any], why: str
) -> None:
    sae = open_sae(saelens(tmp_path, **settings))
    assert why in sae.unread
    assert sae.encoder(1, WIDTH) is None
    assert sae.direction(1, WIDTH).values.tolist() == weights()["W_dec"][1].tolist()


@pytest.mark.parametrize("value", [None, False, "none"])
def test_an_input_that_is_not_normalized_is_said_in_several_ways(tmp_path: Path, value: object) -> None:
    sae = open_sae(saelens(tmp_path, normalize_activations=value))
    assert not sae.unread
    assert sae.encoder(0, WIDTH) is not None


def test_a_decoder_alone_steers(tmp_path: Path) -> None:
    sae = open_sae(saelens(tmp_path, {"W_dec": weights()["W_dec"]}))
    assert sae.encoder(0, WIDTH) is None
    assert sae.direction(0, WIDTH).values.tolist() == weights()["W_dec"][0].tolist()


def test_a_threshold_for_all_is_that_of_each(tmp_path: Path) -> None:
    sae = open_sae(saelens(tmp_path, weights() | {"threshold": np.array(0.5, np.float32)}))
    encoder = sae.encoder(COUNT - 1, WIDTH)
    assert encoder is not None
    assert encoder.threshold == 0.5


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"W_enc": random_numbers(1, WIDTH, COUNT + 1)}, "has 7 features, its decoder 6"),
        ({"W_enc": random_numbers(1, 9, COUNT)}, "no side is 4"),
        ({"b_enc": random_numbers(1, COUNT - 1)}, "'b_enc' has 5 numbers where 6 are needed"),
        ({"b_enc": np.full(COUNT, np.nan, np.float32)}, "the encoder of feature 5 has numbers that are infinite"),
        ({"W_enc": np.full((WIDTH, COUNT), np.inf, np.float32)}, "the encoder of feature 5"),
        ({"threshold": random_numbers(1, 3)}, "'threshold' has 3 numbers"),
    ],
)
def test_an_encoder_that_does_not_fit_its_decoder_is_a_sentence(
    tmp_path: Path, wrong: dict[str, Floats], says: str
) -> None:
    sae = open_sae(saelens(tmp_path, weights() | wrong))
    assert sae.direction(5, WIDTH).values.tolist() == weights()["W_dec"][5].tolist()
    with pytest.raises(Malformed, match=says):
        sae.encoder(5, WIDTH)


def test_a_scale_beyond_all_numbers_is_none(tmp_path: Path) -> None:
    folder = saelens(tmp_path, normalize_activations="expected_average_only_in")
    (folder / "activation_scaler.json").write_text(f'{{"scaling_factor": {10**400}}}')
    assert "activation_scaler.json" in open_sae(folder).unread
