"""What dials do to the residual stream of a real model is what the formulas say."""

import numpy as np
import pytest

pytest.importorskip("interp_engine", reason="the extra `local` is not installed")

from local.asking import TOKENS, activations_in, asked, direction, events_of, feature_of, text_in, text_of, turned
from local.reference import adding, capping, pinning, scaling
from local.tiny_model import PROMPT

from steer_tui.domain import Dial, Method

pytestmark = pytest.mark.local


@pytest.fixture
def plain(reference):
    """The text without dials."""
    return reference.greedy(reference.ids(PROMPT), TOKENS)


@pytest.mark.parametrize("layer", [-1, 0, 2, 3])
async def test_a_vector_is_added_behind_its_block_or_to_the_embedding(connect, save, reference, plain, layer):
    engine = connect(layer=layer)
    dial = turned(await feature_of(engine, save("push", vector=direction(3, 5.0))), 9.0)
    steered = reference.greedy(reference.ids(PROMPT), TOKENS, {layer: adding(direction(3, 9.0))})
    assert await text_of(engine, asked(dial)) == steered != plain


async def test_a_control_vector_acts_at_all_of_its_layers_in_their_proportion(connect, save, reference, plain):
    engine = connect()
    rows = {0: direction(4, 1.0), 2: direction(5, 3.0)}
    feature = await feature_of(engine, save("control", direction_0=rows[0], direction_2=rows[2]))
    acts = {layer: adding(row * np.float32(7.0 / 3.0)) for layer, row in rows.items()}
    steered = reference.greedy(reference.ids(PROMPT), TOKENS, acts)
    assert await text_of(engine, asked(turned(feature, 7.0))) == steered != plain


async def test_one_layer_of_a_control_vector_acts_alone_at_its_full_length(connect, save, reference, plain):
    engine = connect()
    path = save("control", direction_0=direction(4, 1.0), direction_2=direction(5, 3.0))
    steered = reference.greedy(reference.ids(PROMPT), TOKENS, {0: adding(direction(4, 8.0))})
    assert await text_of(engine, asked(turned(await feature_of(engine, f"{path}@0"), 8.0))) == steered != plain


@pytest.fixture
def along(reference):
    """Near the direction of the residual stream before the first token, so that there is much of it to take away."""
    residual = reference.residuals(reference.ids(PROMPT))[1][-1]
    mixed = residual / np.linalg.norm(residual) + direction(9, 0.5)
    return (mixed / np.linalg.norm(mixed)).astype(np.float32)


@pytest.fixture
def acts_as(connect, save, reference, along):
    """Whether a dial of the direction does what an act of the reference does, to the text and to the residual."""

    async def check(value, method, act, *, raw=False, sign=1):
        engine = connect()
        feature = await feature_of(engine, save("along", layer_1=3 * sign * along))
        probe = await feature_of(engine, save("probe", layer_3=direction(8)))
        dial = turned(feature, value) if raw else Dial(feature, value)
        events = await events_of(engine, asked(dial, method=method, watched=(probe,)))
        prompt = reference.ids(PROMPT)
        made = reference.likeliest(prompt, TOKENS, {1: act})
        assert text_in(events) == reference.text(made)
        changed, unchanged = (
            reference.residuals([*prompt, *made], acts)[3][len(prompt) :] @ direction(8) for acts in ({1: act}, {})
        )
        np.testing.assert_allclose(np.ravel(activations_in(events)), changed, atol=5e-3)
        assert np.abs(changed - unchanged).max() > 0.05

    return check


@pytest.mark.parametrize(("value", "factor"), [(5.0, 0.5), (10.0, 0.0), (15.0, -0.5), (-10.0, 2.0)])
async def test_orthogonal_scales_the_component_along_the_direction(acts_as, along, value, factor):
    await acts_as(value, Method.ORTHOGONAL, scaling(along, factor))


@pytest.mark.parametrize("value", [1.0, -7.0])
async def test_ablate_removes_the_component_whatever_the_value(acts_as, along, value):
    await acts_as(value, Method.ABLATE, scaling(along, 0.0))


@pytest.mark.parametrize("sign", [1, -1])
async def test_projection_cap_lets_the_component_grow_no_larger(acts_as, along, sign):
    await acts_as(sign * 0.5, Method.PROJECTION_CAP, capping(along, 0.5), raw=True, sign=sign)


@pytest.mark.parametrize("component", [4.0, -1.5])
async def test_pin_sets_the_component_whatever_it_was(acts_as, along, component):
    await acts_as(component, Method.PIN, pinning(along, component), raw=True)


async def test_the_look_after_connecting_finds_that_steering_has_an_effect(connect):
    engine = connect(with_canary=True)
    await engine.prepare()
    assert engine.warning is None
    assert (engine.info.model != "", engine.info.methods) == (True, tuple(Method))
