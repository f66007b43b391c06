"""How fast a model of one's own is: `python tests/benchmarks/local_model.py [tokens] [rounds]`.

A model of GPT-2 small's shape (124 million parameters, random weights, float32) behind a server that is started as the
app starts one. The same requests, steered and not, are read once as bare bytes and once through our engine, in turn,
so that a busy machine slows both; a figure is the median of the rounds. CPU time is that of the reading process.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]
os.environ["HF_HUB_OFFLINE"] = "1"

import httpx  # noqa: E402
import numpy as np  # noqa: E402
from local.asking import DEFAULT, STEERED, added, asked, at_layer, post  # noqa: E402

from steer_tui.domain import Dial, TokenEvent  # noqa: E402
from steer_tui.engines.directions.directions import Directions  # noqa: E402
from steer_tui.engines.interp import Interp  # noqa: E402
from steer_tui.engines.interp.serving.managed import Managed  # noqa: E402
from steer_tui.engines.interp.serving.remote import Remote  # noqa: E402
from steer_tui.engines.interp.serving.server import ServerAddress  # noqa: E402

PROMPT = "Once upon a time there was a small town by the sea, and in it lived"
LAYER, COEFFICIENT = 6, 8.0


@dataclass(frozen=True)
class Figures:
    """What one text cost."""

    first: float
    """Seconds to its first token."""
    rate: float
    """Tokens a second after it."""
    cpu: float
    """Milliseconds of this process's CPU time a token."""


def build(folder: Path) -> None:
    """Write the model, with a tokenizer that has a word for each of its tokens."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    torch.manual_seed(0)
    config = GPT2Config()
    GPT2LMHeadModel(config).save_pretrained(folder)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = ["<|endoftext|>", *letters, *(f"Ġw{index}" for index in range(config.vocab_size - len(letters) - 1))]
    tokenizer = Tokenizer(models.BPE({word: index for index, word in enumerate(words)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=words[0], eos_token=words[0])
    fast.save_pretrained(folder)


async def measured(tokens: AsyncIterator[object]) -> Figures:
    """Read a text to its end."""
    cpu, began = time.process_time(), time.perf_counter()
    moments = [time.perf_counter() async for _ in tokens]
    first, last = moments[0], moments[-1]
    rate = (len(moments) - 1) / (last - first)
    return Figures(first - began, rate, 1000 * (time.process_time() - cpu) / len(moments))


async def bare(address: ServerAddress, body: dict[str, Any]) -> AsyncIterator[object]:
    """The tokens' lines as they come, not even parsed."""
    assert address.token is not None
    headers = {"Authorization": f"Bearer {address.token.get_secret_value()}"}
    async with (
        httpx.AsyncClient(base_url=address.url, headers=headers, timeout=None, trust_env=False) as client,
        client.stream("POST", "/v1/generate", json=body) as answer,
    ):
        async for chunk in answer.aiter_bytes():
            for _ in range(chunk.count(b'"type": "token"')):
                yield chunk


async def main(tokens: int = 64, rounds: int = 3) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(folder)
        vector = np.random.default_rng(1).standard_normal(768).astype(np.float32)
        vector /= np.linalg.norm(vector)
        np.savez(folder / "push.npz", **{f"layer.{LAYER}": vector})
        began = time.perf_counter()
        async with aclosing(Managed(str(folder))) as server:
            address = await server.address()
            print(f"the server is ready {time.perf_counter() - began:.1f} s after its start")
            engine = Interp(
                Remote(address.url, address.token), directions=Directions(), with_canary=False, tokenizer=folder
            )
            async with aclosing(engine):
                await compare(engine, address, folder / "push.npz", vector, tokens, rounds)


async def compare(
    engine: Interp, address: ServerAddress, file: Path, vector: np.ndarray, tokens: int, rounds: int
) -> None:
    """All ways to read, round by round."""
    [feature] = await engine.find_features(str(file))
    dial = Dial(feature, COEFFICIENT / feature.unit)
    ids = (await post(address, "/v1/tokenize", {"text": PROMPT}))["token_ids"]
    body = {"prompt_token_ids": ids, "max_tokens": tokens, "temperature": 0.0, "stop_at_eos": False}
    steering = at_layer(LAYER, added(vector, COEFFICIENT))

    async def ours(*dials: Dial, watched: bool = False) -> AsyncIterator[object]:
        lanes = STEERED if dials else DEFAULT
        seen = (feature,) if watched else ()
        request = asked(*dials, lanes=lanes, prompt=PROMPT, max_tokens=tokens, watched=seen)
        async with aclosing(engine.stream(request)) as events:
            async for event in events:
                if isinstance(event, TokenEvent):
                    yield event

    ways: dict[str, Callable[[], AsyncIterator[object]]] = {
        "bare bytes, not steered": lambda: bare(address, body),
        "our engine, not steered": lambda: ours(),
        "bare bytes, steered": lambda: bare(address, body | {"steering": steering}),
        "our engine, steered": lambda: ours(dial),
        "our engine, steered, activations read": lambda: ours(dial, watched=True),
    }
    for way in ways.values():
        await measured(way())
    figures: dict[str, list[Figures]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            figures[name].append(await measured(way()))
    print(f"{tokens} tokens, {rounds} rounds: tokens a second, ms to the first, CPU ms a token")
    for name, found in figures.items():
        rate, first, cpu = (statistics.median(getattr(one, key) for one in found) for key in ("rate", "first", "cpu"))
        print(f"  {name:<40} {rate:6.1f} {1000 * first:8.0f} {cpu:8.2f}")


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:3])))
