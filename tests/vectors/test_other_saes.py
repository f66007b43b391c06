"""SAEs of Gemma Scope, Llama Scope and sparsify, as their makers lay them out."""

from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vectors.making import (
    COUNT,
    WIDTH,
    Floats,
    as_brain,
    brain_bits,
    random_numbers,
    save_npz,
    weights,
    write_settings,
    write_tensors,
)

from steer_tui.domain import Unsupported
from steer_tui.vectors import EMBEDDING, Encoder, Sae, open_sae

RESIDUALS = random_numbers(20, 50, WIDTH)
PLACE = Path("gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71")


def lower(arrays: dict[str, Floats]) -> dict[str, Floats]:
    return {name.lower(): array for name, array in arrays.items()}


def read(sae: Sae, index: int) -> Floats:
    """The activations on RESIDUALS."""
    encoder = sae.encoder(index, WIDTH)
    assert isinstance(encoder, Encoder)
    before = RESIDUALS.astype(np.float64) @ encoder.values + encoder.bias
    return np.where(before > encoder.threshold, before, 0.0)


@pytest.mark.parametrize("case", [dict, lower], ids=["capitals", "small letters"])
@pytest.mark.parametrize("compressed", [False, True], ids=["as it is", "compressed"])
def test_the_first_gemma_scope_says_its_layer_by_its_folder(tmp_path: Path, case: Any, compressed: bool) -> None:
    arrays = weights()
    save_npz(tmp_path / PLACE / "params.npz", case(arrays), compressed=compressed)
    sae = open_sae(tmp_path / PLACE)
    assert (sae.layer, sae.model, sae.count) == (20, "gemma-2-2b", COUNT)
    for index in range(COUNT):
        assert sae.direction(index, WIDTH).values.tolist() == arrays["W_dec"][index].tolist()
        before = RESIDUALS @ arrays["W_enc"][:, index] + arrays["b_enc"][index]
        expected = np.where(before > arrays["threshold"][index], before, 0)
        assert read(sae, index) == pytest.approx(expected, abs=1e-5)


def test_gemma_scope_in_fortrans_order_is_the_same(tmp_path: Path) -> None:
    arrays = weights()
    save_npz(tmp_path / PLACE / "params.npz", {name: np.asfortranarray(array) for name, array in arrays.items()})
    sae = open_sae(tmp_path / PLACE)
    encoder = sae.encoder(2, WIDTH)
    assert encoder is not None
    assert sae.direction(2, WIDTH).values.tolist() == arrays["W_dec"][2].tolist()
    assert encoder.values.tolist() == arrays["W_enc"][:, 2].tolist()


def test_gemma_scopes_embedding_is_read_before_its_scaling(tmp_path: Path) -> None:
    folder = tmp_path / "gemma-scope-9b-it-res/embedding/width_4k/average_l0_6"
    arrays = weights()
    save_npz(folder / "params.npz", arrays)
    sae = open_sae(folder)
    assert (sae.layer, sae.model) == (EMBEDDING, "gemma-2-9b-it")
    encoder = sae.encoder(1, WIDTH)
    assert encoder is not None
    assert encoder.values == pytest.approx(arrays["W_enc"][:, 1] / sqrt(WIDTH))


def test_a_copied_gemma_scope_says_no_layer(tmp_path: Path) -> None:
    save_npz(tmp_path / "mine" / "params.npz", weights())
    sae = open_sae(tmp_path / "mine")
    assert (sae.layer, sae.model) == (None, None)


@pytest.mark.parametrize("site", ["gemma-scope-2b-pt-mlp", "models--google--gemma-scope-2b-pt-att/snapshots/1a2b"])
def test_gemma_scope_elsewhere_than_in_the_residual_stream_is_refused(tmp_path: Path, site: str) -> None:
    folder = tmp_path / site / "layer_20/width_16k/average_l0_71"
    save_npz(folder / "params.npz", weights())
    with pytest.raises(Unsupported, match="not the residual stream"):
        open_sae(folder)


def test_the_second_gemma_scope_has_settings(tmp_path: Path) -> None:
    folder = tmp_path / "resid_post" / "layer_12_width_16k_l0_medium"
    arrays = weights()
    write_tensors(folder / "params.safetensors", lower(arrays))
    sae = open_sae(folder)
    assert (sae.layer, sae.model, sae.count) == (12, None, COUNT)
    write_settings(
        folder / "config.json",
        architecture="jump_relu",
        model_name="gemma-v3-4b-it",
        hf_hook_point_in="model.layers.9.output",
    )
    sae = open_sae(folder)
    assert (sae.layer, sae.model) == (9, "gemma-v3-4b-it")
    assert sae.direction(3, WIDTH).values.tolist() == arrays["W_dec"][3].tolist()
    before = RESIDUALS @ arrays["W_enc"][:, 3] + arrays["b_enc"][3]
    assert read(sae, 3) == pytest.approx(np.where(before > arrays["threshold"][3], before, 0), abs=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {"hf_hook_point_in": "model.layers.9.self_attn.o_proj.input"},
        {
            "hf_hook_point_in": "model.layers.9.pre_feedforward_layernorm.output",
            "hf_hook_point_out": "model.layers.9.post_feedforward_layernorm.output",
        },
        {},
    ],
    ids=["attention", "transcoder", "told by the folder"],
)
def test_the_second_gemma_scope_elsewhere_is_refused(tmp_path: Path, settings: dict[str, str]) -> None:
    folder = tmp_path / "mlp_out_all" / "layer_9_width_16k_l0_small"
    write_tensors(folder / "params.safetensors", lower(weights()))
    write_settings(folder / "config.json", **settings)
    with pytest.raises(Unsupported, match="not the residual stream"):
        open_sae(folder)


def llama_scope(folder: Path, **settings: object) -> dict[str, Floats]:
    arrays = {
        "encoder.weight": random_numbers(1, COUNT, WIDTH),
        "encoder.bias": random_numbers(2, COUNT),
        "decoder.weight": random_numbers(3, WIDTH, COUNT),
        "decoder.bias": random_numbers(4, WIDTH),
    }
    hook = "blocks.15.hook_resid_post"
    told = {
        "d_model": WIDTH,
        "d_sae": COUNT,
        "hook_point_in": hook,
        "hook_point_out": hook,
        "act_fn": "jumprelu",
        "jump_relu_threshold": 0.25,
        "norm_activation": "dataset-wise",
        "dataset_average_activation_norm": {"in": 10.0, "out": 10.0},
    } | settings
    write_settings(folder / "hyperparams.json", **told)
    write_tensors(
        folder / "checkpoints" / "final.safetensors", {name: brain_bits(array) for name, array in arrays.items()}
    )
    return {name: as_brain(array) for name, array in arrays.items()}


def test_llama_scopes_decoder_has_a_column_for_each_feature(tmp_path: Path) -> None:
    arrays = llama_scope(tmp_path)
    sae = open_sae(tmp_path)
    assert (sae.layer, sae.count) == (15, COUNT)
    scale = sqrt(WIDTH) / 10
    for index in range(COUNT):
        assert sae.direction(index, WIDTH).values.tolist() == arrays["decoder.weight"][:, index].tolist()
        before = scale * RESIDUALS @ arrays["encoder.weight"][index] + arrays["encoder.bias"][index]
        assert read(sae, index) == pytest.approx(np.where(before > 0.25 * scale, before, 0), abs=1e-5)


def test_llama_scope_without_a_known_scale_steers_but_is_not_read(tmp_path: Path) -> None:
    arrays = llama_scope(tmp_path, norm_activation="token-wise")
    sae = open_sae(tmp_path)
    assert sae.direction(1, WIDTH).values.tolist() == arrays["decoder.weight"][:, 1].tolist()
    assert sae.encoder(1, WIDTH) is None
    assert "token-wise" in sae.unread


@pytest.mark.parametrize(
    "settings",
    [
        {"hook_point_in": "blocks.3.hook_attn_out", "hook_point_out": "blocks.3.hook_attn_out"},
        {"hook_point_in": "blocks.3.ln2.hook_normalized", "hook_point_out": "blocks.3.hook_mlp_out"},
    ],
    ids=["attention", "transcoder"],
)
def test_llama_scope_elsewhere_is_refused(tmp_path: Path, settings: dict[str, str]) -> None:
    llama_scope(tmp_path, **settings)
    with pytest.raises(Unsupported, match="not the residual stream"):
        open_sae(tmp_path)


def sparsify(folder: Path, **settings: object) -> dict[str, Floats]:
    arrays = {
        "W_dec": random_numbers(1, COUNT, WIDTH),
        "encoder.weight": random_numbers(2, COUNT, WIDTH),
        "encoder.bias": random_numbers(3, COUNT),
        "b_dec": random_numbers(4, WIDTH),
    }
    write_settings(folder / "cfg.json", **{"activation": "topk", "k": 2, "d_in": WIDTH, "num_latents": 0} | settings)
    write_tensors(folder / "sae.safetensors", arrays)
    return arrays


@pytest.mark.parametrize(
    ("name", "layer"), [("layers.12", 12), ("h.3", 3), ("embed_tokens", EMBEDDING), ("gpt_neox.layers.5", 5)]
)
def test_sparsify_says_its_layer_by_its_folder(tmp_path: Path, name: str, layer: int) -> None:
    arrays = sparsify(tmp_path / name)
    write_settings(tmp_path / "config.json", model="EleutherAI/pythia-160m")
    sae = open_sae(tmp_path / name)
    assert (sae.layer, sae.model, sae.count) == (layer, "EleutherAI/pythia-160m", COUNT)
    for index in range(COUNT):
        assert sae.direction(index, WIDTH).values.tolist() == arrays["W_dec"][index].tolist()
        before = (RESIDUALS - arrays["b_dec"]) @ arrays["encoder.weight"][index] + arrays["encoder.bias"][index]
        assert read(sae, index) == pytest.approx(np.maximum(before, 0), abs=1e-5)


def test_sparsify_is_opened_from_within_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sparsify(tmp_path / "layers.4")
    monkeypatch.chdir(tmp_path / "layers.4")
    assert open_sae(Path()).layer == 4


@pytest.mark.parametrize(
    ("name", "settings"), [("layers.12.mlp", {}), ("layers.12.attention", {}), ("layers.12", {"transcode": True})]
)
def test_sparsify_elsewhere_is_refused(tmp_path: Path, name: str, settings: dict[str, bool]) -> None:
    sparsify(tmp_path / name, **settings)
    with pytest.raises(Unsupported, match="not the residual stream"):
        open_sae(tmp_path / name)
