"""A model small enough to build in a second, with all that a real one has on disk.

The blocks' weights are random and do what a real model's do. The unembedding is not: its row for a token looks for the
embedding of the one before it, so that the likeliest text is one that a test can know, of words and of characters that
are split over tokens.
"""

import os
import random
import re
from itertools import pairwise
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # before the libraries read it, and for the servers that are started

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

LAYERS, WIDTH = 4, 48

BEGIN, END, USER, ANSWER = "<|begin|>", "<|end|>", "<|user|>", "<|answer|>"

PROMPT = "Once there was"
"""What the likeliest text goes on from with STORY."""
STORY = " snow雪 falls🙂 softly on the naïve birds and they sing"
"""Each of its tokens comes once, so that one follows from the one before it; after the last it begins again."""
SPLIT = "雪🙂ï"
"""Its characters of several bytes, each of which is a token of its own."""

FAREWELL_PROMPT = "Say good"
FAREWELL = " bye!"
"""What the likeliest text goes on with from there, and ends by itself."""

REPLY = " hello friend"
"""What the likeliest answer to a message begins with."""

_CORPUS = [PROMPT, re.sub(f"[{SPLIT}]", " ", STORY), FAREWELL_PROMPT, FAREWELL, REPLY]
_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|user|>{{ message.content }}{% endfor %}"
    "{% if add_generation_prompt %}<|answer|>{% endif %}"
)
_LIKELIEST = 6.0
"""The logit of the token that follows; those of all others are about 0."""


def build(folder: Path, *, seed: int = 3) -> Path:
    """Write the model into the folder."""
    tokenizer = _tokenizer()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=BEGIN, eos_token=END, additional_special_tokens=[USER, ANSWER]
    )
    fast.chat_template = _TEMPLATE
    fast.save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        initializer_range=0.08,
        bos_token_id=fast.bos_token_id,
        eos_token_id=fast.eos_token_id,
        tie_word_embeddings=False,
        dtype="float32",
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        embedding = model.get_input_embeddings().weight
        embedding.normal_()
        unembedding = model.get_output_embeddings().weight
        for token, following in _successors(tokenizer).items():
            before = embedding[token]
            unembedding[following] += _LIKELIEST * before / before.norm() / WIDTH**0.5
    model.save_pretrained(folder)
    return folder


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=380,
        special_tokens=[BEGIN, END, USER, ANSWER],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_CORPUS * 2, trainer)
    begin = tokenizer.token_to_id(BEGIN)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{BEGIN} $A", special_tokens=[(BEGIN, begin)])
    return tokenizer


def _successors(tokenizer: Tokenizer) -> dict[int, int]:
    """The token that follows each: one tour of them all, apart from the texts that are known."""

    def ids(text: str) -> list[int]:
        return tokenizer.encode(text, add_special_tokens=False).ids

    story = ids(PROMPT)[-1:] + ids(STORY)
    farewell = ids(FAREWELL_PROMPT)[-1:] + ids(FAREWELL) + [tokenizer.token_to_id(END)]
    reply = [tokenizer.token_to_id(ANSWER), *ids(REPLY)]
    known = {*story, *farewell, *reply}
    assert len(known) == len(story) + len(farewell) + len(reply), "a token comes twice"
    rest = [token for token in range(tokenizer.get_vocab_size()) if token not in known]
    random.Random(3).shuffle(rest)
    tour = [*reply, *rest]
    followed = dict(pairwise(story)) | dict(pairwise(farewell)) | dict(pairwise(tour))
    return followed | {story[-1]: story[1]}
