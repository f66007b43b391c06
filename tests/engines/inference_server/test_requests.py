"""What is asked of the server, held to the models of its published client."""

from typing import Any

import pytest
from engines.collecting import events_of, failure_of
from engines.inference_server.asking import DEFAULT, DOG, SEA, STEERED, asked
from engines.inference_server.box import EAGER, VLLM, WIDTH, Box, cased
from engines.inference_server.conftest import Open
from neuronpedia_inference_client.models.activation_single_post_request import ActivationSinglePostRequest
from neuronpedia_inference_client.models.steer_completion_chat_post_request import SteerCompletionChatPostRequest
from neuronpedia_inference_client.models.steer_completion_request import SteerCompletionRequest
from neuronpedia_inference_client.models.tokenize_post_request import TokenizePostRequest
from neuronpedia_inference_client.models.util_sae_vector_post_request import UtilSaeVectorPostRequest
from pydantic import BaseModel, SecretStr

from steer_tui.domain import Dial, GenerationRequest, Method, NotFound, Sampling, SteeringVector, Unsupported
from steer_tui.engines.inference_server import InferenceServer

MODELS: dict[str, type[BaseModel]] = {
    "/v1/steer/completion": SteerCompletionRequest,
    "/v1/steer/completion-chat": SteerCompletionChatPostRequest,
    "/v1/tokenize": TokenizePostRequest,
    "/v1/activation/single": ActivationSinglePostRequest,
    "/v1/util/sae-vector": UtilSaeVectorPostRequest,
}


def check(box: Box) -> set[str]:
    """Every body that came must be one that the published client could have sent; gives the paths that were seen."""
    seen = set()
    for call in box.server.calls:
        if call.method == "POST":
            model: Any = MODELS[call.path]
            assert call.json.keys() <= model.model_fields.keys()
            assert model.model_validate(call.json).model_dump(mode="json", exclude_unset=True) == call.json
            seen.add(call.path)
    return seen


async def test_every_request_is_one_of_the_published_client(open_at: Open) -> None:
    box = Box()
    engine = await open_at(box)
    await events_of(engine, asked(prompt="a long prompt " * 20))
    await events_of(engine, GenerationRequest("Hello", lanes=DEFAULT, chat=True))
    (feature,) = await engine.find_features("6-res-jb/7")
    random = engine.random_direction(feature, 3)
    await engine.reread("the sea", [feature, random])
    dials = (Dial(feature, 1.0), Dial(random, 2.0))
    await events_of(engine, GenerationRequest("Hello", vector=SteeringVector.of(dials), lanes=STEERED))
    assert check(box) == set(MODELS)


async def test_dials_are_sent_by_name_in_their_order(open_at: Open) -> None:
    box = Box()
    vector = SteeringVector.of((Dial(SEA, 4.0), Dial(DOG, -1.5)))
    engine = await open_at(box)
    await events_of(engine, GenerationRequest("Once", Sampling(0.5, 4, 9), vector, STEERED))
    (body,) = box.steered()
    assert body["features"] == [
        {"model": "gpt2-small", "source": "6-res-jb", "index": 7, "strength": 8.0},
        {"model": "gpt2-small", "source": "6-res-jb", "index": 8, "strength": -3.0},
    ]
    assert "vectors" not in body
    assert (body["prompt"], body["model"], body["steer_method"]) == ("Once", "gpt2-small", "SIMPLE_ADDITIVE")
    assert (body["n_completion_tokens"], body["temperature"], body["seed"]) == (4, 0.5, 9)


async def test_a_random_direction_is_sent_by_number_and_takes_the_others_with_it(open_at: Open) -> None:
    box = Box()
    engine = await open_at(box)
    vector = SteeringVector.of((Dial(SEA, 1.0), Dial(engine.random_direction(SEA, 5), 2.0)))
    for _ in range(2):
        await events_of(engine, GenerationRequest("Once", vector=vector, lanes=STEERED))
    first, second = box.steered()
    assert first["vectors"] == second["vectors"]
    assert "features" not in first
    assert [one["strength"] for one in first["vectors"]] == [2.0, 4.0]
    for one in first["vectors"]:
        assert one["hook"] == "blocks.6.hook_resid_pre"
        assert len(one["steering_vector"]) == WIDTH
        assert sum(value**2 for value in one["steering_vector"]) == pytest.approx(1.0, abs=1e-4)


async def test_the_default_lane_has_no_dials_and_so_has_a_steered_lane_at_rest(open_at: Open) -> None:
    box = Box()
    engine = await open_at(box)
    await events_of(engine, asked(DEFAULT))
    await events_of(engine, GenerationRequest("Once upon", Sampling(max_tokens=8), lanes=STEERED))
    left, right = box.steered()
    assert (left["types"], left["features"]) == (["DEFAULT"], [])
    assert left == right


@pytest.mark.parametrize(
    ("method", "name", "strength"),
    [
        (Method.ADDITIVE, "SIMPLE_ADDITIVE", 8.0),
        (Method.ORTHOGONAL, "ORTHOGONAL_DECOMP", 0.6),
        (Method.ABLATE, "ORTHOGONAL_DECOMP", 0.0),
        (Method.PROJECTION_CAP, "PROJECTION_CAP", 8.0),
    ],
)
async def test_each_method_has_its_name_and_its_strength(
    open_at: Open, method: Method, name: str, strength: float
) -> None:
    box = Box(capabilities=VLLM)
    engine = await open_at(box)
    await engine.prepare()
    assert method in engine.info.methods
    await events_of(engine, asked(method=method))
    (body,) = box.steered()
    assert (body["steer_method"], body["features"][0]["strength"]) == (name, strength)


@pytest.mark.parametrize("capabilities", [EAGER, {}], ids=["eager", "unknown"])
async def test_a_projection_is_not_capped_by_a_backend_that_would_add(
    open_at: Open, capabilities: dict[str, object]
) -> None:
    box = Box(capabilities=capabilities)
    engine = await open_at(box)
    events, error = await failure_of(engine, asked(method=Method.PROJECTION_CAP))
    assert isinstance(error, Unsupported)
    assert "projection_cap" in error.message
    assert (events, box.steered()) == ([], [])
    assert Method.PROJECTION_CAP not in engine.info.methods


async def test_a_method_without_a_name_there_is_not_sent(open_at: Open) -> None:
    box = Box(capabilities=VLLM)
    engine = await open_at(box)
    events, error = await failure_of(engine, asked(method=Method.PIN))
    assert isinstance(error, Unsupported)
    assert "pin" in error.message
    assert (events, box.steered()) == ([], [])
    assert Method.PIN not in engine.info.methods


async def test_the_capabilities_are_asked_for_first_and_once(open_at: Open) -> None:
    box = Box()
    engine = await open_at(box)
    await engine.prepare()
    assert (engine.info.model, engine.info.context, engine.info.quota) == ("gpt2-small", 400, None)
    await events_of(engine, asked())
    assert [call.path for call in box.server.calls] == ["/v1/capabilities", "/v1/steer/completion"]


async def test_capabilities_in_camel_case_read_the_same(open_at: Open) -> None:
    engine = await open_at(Box(capabilities=cased(VLLM)))
    await engine.prepare()
    assert engine.info.lanes.value == "parallel"
    assert engine.info.context == 400


async def test_a_server_without_capabilities_is_asked_for_the_model_that_is_set(open_at: Open) -> None:
    box = Box()
    del box.server.routes["GET /v1/capabilities"]
    engine = await open_at(box, model="gemma-2-2b")
    await events_of(engine, asked())
    assert box.steered()[0]["model"] == "gemma-2-2b"


async def test_what_belongs_to_another_model_is_not_sent_to_one_that_would_take_it(open_at: Open) -> None:
    box = Box(capabilities={**EAGER, "model": "google/gemma-2-2b"})
    engine = await open_at(box)
    for dial in (Dial(SEA, 4.0), Dial(engine.random_direction(SEA, 3), 4.0)):
        request = GenerationRequest("Once", vector=SteeringVector.of((dial,)), lanes=STEERED)
        _, error = await failure_of(engine, request)
        assert (error.code, "gpt2-small" in error.hint) == ("not_found", True)
        assert "belongs to another model than google/gemma-2-2b" in error.message
        with pytest.raises(NotFound, match="another model"):
            await engine.reread("the sea", [dial.feature])
    with pytest.raises(NotFound, match="another model"):
        await engine.find_features(SEA.id)
    assert [call.path for call in box.server.calls] == ["/v1/capabilities"]
    await events_of(engine, asked(DEFAULT))


async def test_a_model_that_the_server_does_not_have_is_not_taken_for_the_one_that_it_has(open_at: Open) -> None:
    box = Box()
    engine = await open_at(box, model="gemma-2-2b")
    _, error = await failure_of(engine, asked(DEFAULT))
    assert (error.code, error.message) == ("not_found", "The server has the model gpt2-small, and gemma-2-2b is set.")
    assert box.steered() == []


async def test_the_key_goes_with_every_request_in_its_header(open_at: Open) -> None:
    box = Box(secret="s3cret")
    engine = await open_at(box, key=SecretStr("s3cret"))
    await events_of(engine, asked())
    assert [call.headers["x-secret-key"] for call in box.server.calls] == ["s3cret", "s3cret"]
    assert "s3cret" not in repr(vars(engine))


async def test_an_address_may_name_the_version(open_at: Open) -> None:
    box = Box()
    await open_at(box)
    engine = InferenceServer(f"{box.server.url}/v1/")
    await engine.prepare()
    await engine.aclose()
    assert [call.path for call in box.server.calls] == ["/v1/capabilities"]


async def test_a_prompt_that_is_too_long_is_not_sent(open_at: Open) -> None:
    box = Box()
    engine = await open_at(box)
    _, error = await failure_of(engine, asked(prompt="word" * 201))
    assert error.message == "The prompt has 201 tokens, and this server takes 200."
    assert box.steered() == []


async def test_a_long_prompt_is_counted_once_for_both_lanes(open_at: Open) -> None:
    box = Box()
    engine = await open_at(box)
    for lanes in (STEERED, DEFAULT):
        await events_of(engine, asked(lanes, prompt="word" * 100))
    assert len(box.asked("/v1/tokenize")) == 1


async def test_a_server_that_does_not_count_tells_of_too_long_prompts_itself(open_at: Open) -> None:
    box = Box()
    del box.server.routes["POST /v1/tokenize"]

    async def refuse(call: Any) -> None:
        await call.answer_json({"error": "Text too long: 962 tokens, max is 200"}, 400)

    box.server.routes["POST /v1/steer/completion"] = refuse
    _, error = await failure_of(await open_at(box), asked(prompt="word" * 962))
    assert error.message == "The prompt has 962 tokens, and this server takes 200."
    assert error.code == "rejected"
