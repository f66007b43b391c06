"""SAEs as SAELens writes them, old and new."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vectors.making import COUNT, WIDTH, as_brain, brain_bits, saelens, weights, write_settings, write_tensors

from steer_tui.domain import Unsupported
from steer_tui.vectors import EMBEDDING, is_sae, open_sae


def test_a_new_one_has_its_hook_and_its_model_in_the_metadata(tmp_path: Path) -> None:
    sae = open_sae(saelens(tmp_path / "7-res-jb"))
    assert (sae.folder, sae.layer, sae.model, sae.count) == (tmp_path / "7-res-jb", 6, "gpt2-small", COUNT)
    for index in range(COUNT):
        direction = sae.direction(index, WIDTH)
        assert direction.layer == 6
        assert direction.values.tolist() == weights()["W_dec"][index].tolist()


@pytest.mark.parametrize("key", ["hook_name", "hook_point"])
def test_an_old_one_has_them_at_the_top(tmp_path: Path, key: str) -> None:
    write_settings(
        tmp_path / "cfg.json", d_in=WIDTH, d_sae=COUNT, model_name="gpt2", **{key: "blocks.3.hook_resid_post"}
    )
    write_tensors(tmp_path / "sae_weights.safetensors", weights())
    sae = open_sae(tmp_path)
    assert (sae.layer, sae.model, sae.count) == (3, "gpt2", COUNT)


@pytest.mark.parametrize(
    ("hook", "layer"),
    [
        ("blocks.0.hook_resid_pre", EMBEDDING),
        ("blocks.1.hook_resid_pre", 0),
        ("blocks.0.hook_resid_post", 0),
        ("blocks.25.hook_resid_post", 25),
        ("blocks.4.hook_in", 3),
        ("blocks.4.hook_out", 4),
        ("hook_embed", EMBEDDING),
        ("model.layers.12", 12),
        ("transformer.h.5.output", 5),
    ],
)
def test_what_goes_into_a_block_comes_out_of_the_one_before(tmp_path: Path, hook: str, layer: int) -> None:
    sae = open_sae(saelens(tmp_path, hook=hook))
    assert sae.layer == layer
    assert sae.direction(0, WIDTH).layer == layer


@pytest.mark.parametrize(
    "hook",
    [
        "blocks.3.hook_mlp_out",
        "blocks.3.hook_attn_out",
        "blocks.3.attn.hook_z",
        "blocks.3.hook_resid_mid",
        "blocks.3.ln2.hook_normalized",
        "model.layers.3.mlp",
        "anything",
    ],
)
def test_another_place_than_the_residual_stream_is_refused(tmp_path: Path, hook: str) -> None:
    with pytest.raises(Unsupported, match="not the residual stream between two blocks") as refused:
        open_sae(saelens(tmp_path, hook=hook))
    assert hook in refused.value.message
    assert "hook_resid_post" in refused.value.hint


@pytest.mark.parametrize("architecture", ["transcoder", "skip_transcoder", "jumprelu_transcoder"])
def test_a_transcoder_is_refused(tmp_path: Path, architecture: str) -> None:
    with pytest.raises(Unsupported, match=f"of 'a {architecture}'"):
        open_sae(saelens(tmp_path, architecture=architecture))


def test_one_that_names_no_hook_acts_at_no_layer_in_particular(tmp_path: Path) -> None:
    sae = open_sae(saelens(tmp_path, hook=None))
    assert (sae.layer, sae.direction(0, None).layer) == (None, None)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_read_row_by_row_and_column_by_column(tmp_path: Path, dtype: str) -> None:
    arrays = weights()
    stored: dict[str, Any] = {
        name: brain_bits(array) if dtype == "bfloat16" else array.astype(np.float16) for name, array in arrays.items()
    }
    left = {
        name: as_brain(array) if dtype == "bfloat16" else array.astype(np.float16) for name, array in arrays.items()
    }
    sae = open_sae(saelens(tmp_path, stored, apply_b_dec_to_input=False))
    assert sae.direction(5, WIDTH).values.tolist() == left["W_dec"][5].tolist()
    encoder = sae.encoder(5, WIDTH)
    assert encoder is not None
    assert encoder.values.tolist() == left["W_enc"][:, 5].tolist()
    assert encoder.bias == float(left["b_enc"][5])
    assert encoder.threshold == float(left["threshold"][5])


def test_numbers_beside_the_weights_may_be_of_any_type(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {**weights(), "n_forward_passes_since_fired": np.zeros(COUNT, np.int64)}
    assert open_sae(saelens(tmp_path, arrays)).count == COUNT


def test_a_folder_is_an_sae_or_not(tmp_path: Path) -> None:
    assert is_sae(saelens(tmp_path / "sae"))
    assert not is_sae(tmp_path)
    assert not is_sae(tmp_path / "sae" / "cfg.json")
    assert not is_sae(tmp_path / "nothing")
