from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engines.collecting import endings, events_of, failure_of
from engines.interp.asking import DEFAULT, asked, feature
from engines.interp.bodies import Tensor
from engines.interp.box import Box, array_of, described
from engines.interp.conftest import Open

from steer_tui.domain import Method

pytestmark = pytest.mark.usefixtures("norms_are_known")


def operations(steering: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """Where each operation acts, and what it is; its vector as numbers."""
    found = []
    for spec in steering:
        for layer, listed in spec["layers"].items():
            for one in listed:
                values = array_of(Tensor.model_validate(one["vector"])).astype(float).round(4).tolist()
                found.append((spec["point"], layer, {**one, "vector": values}))
    return found


async def test_sampling_travels_as_it_was_set_and_nothing_of_the_models_own(open_at: Open) -> None:
    engine = await open_at(box := Box())
    await events_of(engine, asked(lanes=DEFAULT, temperature=0.0, seed=5, max_tokens=3))
    (body,) = box.bodies()
    assert body == {
        "prompt_token_ids": [box.id_of(one) for one in ("<s>", "Once", " upon")],
        "max_tokens": 3,
        "temperature": 0.0,
        "top_k": 0,
        "top_p": 1.0,
        "presence_penalty": 0.0,
        "seed": 5,
        "stop_at_eos": True,
        "n_logprobs": 0,
        "stream": True,
        "steer_generated": True,
        "steering": None,
    }


async def test_additive_dials_at_one_layer_are_one_vector(open_at: Open, vectors: Path) -> None:
    engine = await open_at(box := Box())
    calm, warm = await feature(engine, vectors / "calm.npz"), await feature(engine, vectors / "warm.npz")
    assert endings(await events_of(engine, asked((calm, 2.0), (warm, -1.0)))) == ["complete"]
    ((point, layer, operation),) = operations(box.bodies()[0]["steering"])
    pushed = 2 * calm.unit * np.array([0, 0.6, 0.8, 0]) - warm.unit * np.array([1, 0, 0, 0])
    assert (point, layer, operation["method"], operation["scale"]) == ("resid_post", "1", "additive", 1.0)
    assert operation["normalize"] is False
    assert operation["vector"] == pytest.approx(pushed, rel=1e-4)


async def test_a_file_for_several_layers_acts_at_all_of_them(open_at: Open, vectors: Path) -> None:
    engine = await open_at(box := Box())
    both = await feature(engine, vectors / "both.npz")
    await events_of(engine, asked((both, 3.0)))
    found = operations(box.bodies()[0]["steering"])
    assert [(point, layer) for point, layer, _ in found] == [("resid_post", "0"), ("resid_post", "2")]
    lengths = [np.linalg.norm(one["vector"]) for _, _, one in found]
    assert lengths == pytest.approx([both.unit, 3 * both.unit], rel=1e-3)


async def test_the_embedding_is_what_the_first_block_reads(open_at: Open, vectors: Path) -> None:
    engine = await open_at(box := Box())
    start = await feature(engine, vectors / "start.npz")
    await events_of(engine, asked((start, 1.0)))
    ((point, layer, _),) = operations(box.bodies()[0]["steering"])
    assert (point, layer) == ("resid_pre", "0")


@pytest.mark.parametrize(
    ("method", "value", "operation"),
    [
        (Method.ORTHOGONAL, 4.0, {"method": "orthogonal", "coeff": pytest.approx(0.6)}),
        (Method.ORTHOGONAL, 20.0, {"method": "orthogonal", "coeff": pytest.approx(-1.0)}),
        (Method.PROJECTION_CAP, 3.0, {"method": "projection_cap", "max": 3.0}),
        (Method.PROJECTION_CAP, -3.0, {"method": "projection_cap", "min": -3.0}),
        (Method.ABLATE, 1.0, {"method": "ablate"}),
        (Method.PIN, -3.0, {"method": "projection_cap", "min": -3.0, "max": -3.0}),
    ],
)
async def test_the_other_methods_are_an_operation_a_dial(
    open_at: Open, vectors: Path, method: Method, value: float, operation: dict[str, Any]
) -> None:
    engine = await open_at(box := Box())
    calm, warm = await feature(engine, vectors / "calm.npz"), await feature(engine, vectors / "warm.npz")
    await events_of(engine, asked((calm, value), (warm, value), method=method))
    first, second = operations(box.bodies()[0]["steering"])
    for bound in ("min", "max"):
        if bound in operation:
            operation = {**operation, bound: pytest.approx(operation[bound] * calm.unit)}
    assert first == ("resid_post", "1", {**operation, "vector": [0.0, 0.6, 0.8, 0.0]})
    assert (second[0], second[1], second[2]["vector"]) == ("resid_post", "1", [1.0, 0.0, 0.0, 0.0])


async def test_a_chat_is_put_into_the_models_template(open_at: Open) -> None:
    engine = await open_at(box := Box())
    await events_of(engine, asked(lanes=DEFAULT, chat=True))
    asked_for = box.bodies("/v1/tokenize")[-1]
    assert asked_for == {"messages": [{"role": "user", "content": "Once upon"}], "add_generation_prompt": True}
    tokens = ["<s>", "<user>", " Once", " upon", " <assistant>"]
    assert box.bodies()[0]["prompt_token_ids"] == [box.id_of(one) for one in tokens]


async def test_a_chat_with_a_model_without_a_template_is_told_before_it_is_sent(open_at: Open) -> None:
    engine = await open_at(box := Box(told=described(has_chat_template=False)))
    _, error = await failure_of(engine, asked(lanes=DEFAULT, chat=True))
    assert (error.code, error.message) == ("unsupported", "This server's model has no chat template.")
    assert not box.bodies()


@pytest.mark.parametrize(
    ("changes", "says", "hint"),
    [
        ({"max_tokens": 65}, "65 tokens are wanted, and this server writes 64 at most.", "at most 64"),
        ({"prompt": "word " * 200}, "The prompt has 202 tokens, and this server takes 200.", "Shorten the prompt"),
    ],
)
async def test_what_is_too_long_is_told_before_it_is_sent(
    open_at: Open, changes: dict[str, Any], says: str, hint: str
) -> None:
    engine = await open_at(box := Box())
    _, error = await failure_of(engine, asked(lanes=DEFAULT, **changes))
    assert (error.code, error.message) == ("rejected", says)
    assert hint in error.hint
    assert not box.bodies()


async def test_a_vector_that_does_not_fit_is_told_before_it_is_sent(open_at: Open, vectors: Path) -> None:
    engine = await open_at(box := Box())
    calm = await feature(engine, vectors / "calm.npz")
    for changed, says in (({"n_layers": 1}, "the layers 0 to 0"), ({"d_model": 8}, "three-layers is 8 wide")):
        box.told = described()
        box.told["description"] |= changed
        box.cut_after = 1
        await failure_of(engine, asked(lanes=DEFAULT))  # another model is served from here on
        box.cut_after = None
        _, error = await failure_of(engine, asked((calm, 1.0)))
        assert error.code == "rejected"
        assert says in error.message
    assert all(body["steering"] is None for body in box.bodies())


async def test_a_push_too_large_for_a_number_is_told_before_it_is_sent(open_at: Open, vectors: Path) -> None:
    engine = await open_at(box := Box())
    calm = await feature(engine, vectors / "calm.npz")
    _, error = await failure_of(engine, asked((calm, 1e39)))
    assert error.code == "rejected"
    assert not box.bodies()
