"""A model that adds positions to its tokens: what its first block reads is more than their embeddings."""

import numpy as np
import pytest

pytest.importorskip("interp_engine", reason="the extra `local` is not installed")

import torch
from local.asking import DEFAULT, asked, events_of, feature_of, text_in
from local.reference import scaling
from local.serving import serving
from local.tiny_model import END, PROMPT, WIDTH
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel

from steer_tui.domain import Dial, Lane, Method
from steer_tui.engines.directions.directions import Directions
from steer_tui.engines.interp import Interp
from steer_tui.engines.interp.serving.remote import Remote

pytestmark = pytest.mark.local

TOKENS = 8


@pytest.fixture(scope="module")
def gpt2(model, tmp_path_factory):
    """A folder with a model of GPT-2's shape, whose positions weigh as much as its tokens."""
    folder = tmp_path_factory.mktemp("gpt2")
    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(5)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_embd=WIDTH,
        n_layer=2,
        n_head=4,
        n_positions=256,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        dtype="float32",
    )
    built = GPT2LMHeadModel(config)
    with torch.no_grad():
        built.transformer.wte.weight.normal_()
        built.transformer.wpe.weight.normal_()
    built.save_pretrained(folder)
    return folder


class Computed:
    """The same model in this process; an act changes what its first block reads."""

    def __init__(self, folder):
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def ids(self, text):
        return list(self.tokenizer(text).input_ids)

    def first_read(self, ids):
        with torch.no_grad():
            return self.model(torch.tensor([ids]), output_hidden_states=True).hidden_states[0][0].numpy()

    def text(self, ids, act=lambda residual: residual):
        hook = self.model.transformer.h[0].register_forward_pre_hook(lambda _, read: (act(read[0]), *read[1:]))
        made = list(ids)
        with torch.no_grad():
            while len(made) < len(ids) + TOKENS and made[-1] != self.tokenizer.eos_token_id:
                made.append(int(self.model(torch.tensor([made])).logits[0, -1].argmax()))
        hook.remove()
        return self.tokenizer.decode(made[len(ids) :]).removesuffix(END)


async def test_a_direction_at_the_embedding_acts_on_and_reads_what_the_first_block_reads(gpt2, save):
    computed = Computed(gpt2)
    ids = computed.ids(PROMPT)
    read = computed.first_read(ids)
    along = (read[-1] / np.linalg.norm(read[-1])).astype(np.float32)
    plain, ablated = computed.text(ids), computed.text(ids, scaling(along, 0.0))
    with serving(gpt2) as address:
        engine = Interp(
            Remote(address.url, address.token), directions=Directions(layer=-1), with_canary=False, tokenizer=gpt2
        )
        try:
            feature = await feature_of(engine, save("along", vector=along))
            captured = (await engine.capture(PROMPT, [-1], chat=False))[-1]
            dial = Dial(feature, 1.0)
            steered = text_in(await events_of(engine, asked(dial, method=Method.ABLATE, max_tokens=TOKENS)))
            default = text_in(await events_of(engine, asked(lanes=DEFAULT, max_tokens=TOKENS)), Lane.DEFAULT)
            reading = await engine.reread(PROMPT, (feature,))
        finally:
            await engine.aclose()
    np.testing.assert_allclose(captured, read, atol=1e-4)
    np.testing.assert_allclose(np.ravel(reading.activations), (read @ along)[1:], atol=1e-3)
    assert (steered, default) == (ablated, plain)
    assert plain != ablated
