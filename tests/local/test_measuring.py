"""What is measured on a real server is what a direct computation gives: norms and activations."""

import json

import numpy as np
import pytest

pytest.importorskip("interp_engine", reason="the extra `local` is not installed")

from local.asking import activations_in, asked, direction, events_of, feature_of, text_in, turned
from local.reference import adding
from local.tiny_model import PROMPT, WIDTH

from steer_tui.domain import DOSE_PER_NOTCH
from steer_tui.engines.directions.residual_norms import SENTENCES

pytestmark = pytest.mark.local


def mean_norm(reference, layer):
    rows = [reference.residuals(reference.ids(sentence))[layer][1:] for sentence in SENTENCES]
    return float(np.linalg.norm(np.concatenate(rows), axis=-1).mean())


@pytest.fixture
def sae(tmp_path):
    """The folder of an SAE of two features behind block 1, and its parts."""
    drawn = np.random.default_rng(6)
    parts = {
        "W_enc": drawn.standard_normal((WIDTH, 2)),
        "W_dec": drawn.standard_normal((2, WIDTH)),
        "b_enc": drawn.standard_normal(2),
        "b_dec": drawn.standard_normal(WIDTH),
        "threshold": np.array([0.2, 1.5]),
    }
    folder = tmp_path / "layer_1"
    folder.mkdir()
    parts = {name: values.astype(np.float32) for name, values in parts.items()}
    np.savez(folder / "params.npz", **parts)
    return folder, parts


def activations(rows, parts):
    # Gemma Scope's encoder takes the residual as it is.
    before = rows @ parts["W_enc"] + parts["b_enc"]
    return np.where(before > parts["threshold"], before, 0.0)


async def test_a_notch_is_a_dose_of_the_mean_residual_norm(connect, save, reference):
    feature = await feature_of(connect(), save("push", layer_2=direction(1, 5.0)))
    assert feature.residual_norm == pytest.approx(mean_norm(reference, 2), rel=1e-4)
    assert feature.unit == pytest.approx(DOSE_PER_NOTCH * mean_norm(reference, 2), rel=1e-4)


async def test_the_dose_of_a_control_vector_is_the_sum_over_its_layers(connect, save, reference):
    feature = await feature_of(connect(), save("control", direction_0=direction(1, 1.0), direction_3=direction(2, 4.0)))
    dose = 0.25 / mean_norm(reference, 0) + 1 / mean_norm(reference, 3)
    assert feature.residual_norm == pytest.approx(1 / dose, rel=1e-4)


async def test_the_activations_of_the_steered_text_are_those_of_the_steered_residual(connect, save, reference, sae):
    folder, parts = sae
    engine = connect()
    watched = (await feature_of(engine, f"{folder}#0"), await feature_of(engine, f"{folder}#1"))
    dial = turned(await feature_of(engine, save("push", layer_0=direction(3, 1.0))), 6.0)
    events = await events_of(engine, asked(dial, watched=watched, max_tokens=30))
    prompt, acts = reference.ids(PROMPT), {0: adding(direction(3, 6.0))}
    made = reference.likeliest(prompt, 30, acts)
    assert text_in(events) == reference.text(made)
    expected = activations(reference.residuals([*prompt, *made], acts)[1][len(prompt) :], parts)
    np.testing.assert_allclose(activations_in(events), expected, atol=5e-3)
    assert 0 < np.count_nonzero(expected) < expected.size


async def test_a_text_that_is_read_again_has_its_activations_without_steering(connect, save, reference, sae):
    folder, parts = sae
    engine = connect()
    vector = await feature_of(engine, save("push", layer_2=direction(3, 2.0)))
    features = (await feature_of(engine, f"{folder}#0"), await feature_of(engine, f"{folder}#1"), vector)
    text = PROMPT + " snow雪 falls"
    reading = await engine.reread(text, features)
    ids = reference.ids(text)
    residuals = reference.residuals(ids)
    expected = np.column_stack([activations(residuals[1], parts), residuals[2] @ direction(3, 1.0)])[1:]
    assert "".join(reading.tokens) == text
    np.testing.assert_allclose(reading.activations, expected, atol=2e-3)


async def test_labels_of_an_sae_folder_name_its_features(connect, sae):
    folder, _ = sae
    (folder / "labels.json").write_text(json.dumps({"1": "the sea"}))
    feature = await feature_of(connect(), f"{folder}#1")
    assert feature.label == "the sea"
