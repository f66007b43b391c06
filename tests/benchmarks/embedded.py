"""What a token of the embedded model costs: `python tests/benchmarks/embedded.py [rounds]`.

One thread throughout. The ways take turns, so that a busy machine slows them all alike; a figure is the median of the
rounds, and a ratio is of two figures of one run. PyTorch, where it is installed, runs the same weights eagerly with
cached keys and values; it only computes logits, while the engine also draws the token and makes its text and events.
"""

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[name] = "1"
ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from steer_tui.domain import BOTH_LANES, Dial, GenerationRequest, Lane, Sampling, SteeringVector, TokenEvent  # noqa: E402
from steer_tui.engines.builtin import BuiltinEngine  # noqa: E402
from steer_tui.engines.builtin.catalogue import read_card, read_catalogue, read_tokenizer  # noqa: E402
from steer_tui.engines.builtin.engine import WEIGHTS  # noqa: E402
from steer_tui.engines.builtin.model import EmbeddedModel  # noqa: E402
from steer_tui.engines.builtin.transformer import Transformer  # noqa: E402
from steer_tui.engines.builtin.weights import read_model  # noqa: E402

PROMPT = "Once upon a time there was"
TOKENS = 96
"""Tokens that one timing makes, a lane."""
CARD = read_card(WEIGHTS)
Way = Callable[[], int]
"""Makes so many steps."""


def load() -> EmbeddedModel:
    """Everything that the first generation waits for, numpy itself left out."""
    card = read_card(WEIGHTS)
    return EmbeddedModel(WEIGHTS, card, read_tokenizer(WEIGHTS, card), read_catalogue(WEIGHTS, card))


def matrix_products(transformer: Transformer) -> Way:
    """The products with a weight matrix that one token needs, and nothing else."""
    draw = np.random.default_rng(0)
    matrices = [matrix for layer in transformer.layers for matrix in layer]
    work = [(draw.standard_normal(len(m)).astype(np.float32), m, np.empty(m.shape[1], np.float32)) for m in matrices]
    head = transformer.embedding, draw.standard_normal(CARD.width).astype(np.float32)
    logits = np.empty(CARD.vocabulary_size, np.float32)

    def way() -> int:
        for _ in range(TOKENS):
            for x, matrix, out in work:
                np.dot(x, matrix, out=out)
            np.dot(*head, out=logits)
        return TOKENS

    return way


def transformer_steps(transformer: Transformer, lanes: int) -> Way:
    """Logits of so many sequences, token after token."""

    def way() -> int:
        sequences = [transformer.sequence() for _ in range(lanes)]
        for token in range(300, 300 + TOKENS):
            for sequence in sequences:
                sequence.step(token)
        for sequence in sequences:
            assert np.isfinite(sequence.logits).all()
        return TOKENS

    return way


def engine_steps(model: EmbeddedModel, lanes: tuple[Lane, ...]) -> Way:
    """Whole steps of the engine: a step of every lane."""
    feature = read_catalogue(WEIGHTS, CARD).search("")[0]
    vector = SteeringVector.of([Dial(feature, 6.0)])
    request = GenerationRequest(PROMPT, Sampling(max_tokens=TOKENS, temperature=1.0), vector, lanes)

    def way() -> int:
        events = [event for step in model.run(request).steps() for event in step]
        return sum(isinstance(event, TokenEvent) for event in events) // len(lanes)

    return way


def torch_steps(batch: int) -> Way:
    """The same weights in PyTorch, a step of `batch` sequences at once."""
    import torch

    from steer_tui.engines.builtin.train.model import Architecture, KeyValues
    from steer_tui.engines.builtin.train.model import Transformer as TorchTransformer

    torch.set_num_threads(1)
    architecture = Architecture(
        CARD.vocabulary_size, CARD.layers, CARD.width, CARD.heads, CARD.mlp_width, CARD.context, CARD.rope_base,
        CARD.norm_epsilon, CARD.steering_layer,
    )  # fmt: skip
    model = TorchTransformer(architecture).eval()
    with np.load(WEIGHTS / "model.npz") as file:
        model.load_state_dict({name: torch.from_numpy(file[name].astype(np.float32)) for name in file.files})
    tokens = torch.arange(300, 300 + TOKENS)[:, None, None].expand(-1, batch, 1).contiguous()

    @torch.inference_mode()
    def way() -> int:
        caches = [KeyValues(batch, CARD.context, architecture) for _ in range(CARD.layers)]
        for token in tokens:
            model.logits_from(model.residual(token, caches), caches)
        return TOKENS

    return way


def rate(way: Way) -> float:
    """Steps a second."""
    began = time.perf_counter()
    return way() / (time.perf_counter() - began)


async def gaps(seconds: float, generating: bool) -> list[float]:
    """Milliseconds by which a ticker of 1 ms came late on the event loop, rising."""
    engine = BuiltinEngine()
    await engine.prepare()
    late: list[float] = []

    async def generate() -> None:
        seed = 0
        while generating:
            seed += 1
            request = GenerationRequest(PROMPT, Sampling(max_tokens=400, seed=seed))
            async with aclosing(engine.stream(request)) as events:
                async for _ in events:
                    pass

    generation = asyncio.create_task(generate())
    end = time.perf_counter() + seconds
    while (now := time.perf_counter()) < end:
        await asyncio.sleep(0.001)
        late.append((time.perf_counter() - now - 0.001) * 1e3)
    generation.cancel()
    await asyncio.gather(generation, return_exceptions=True)
    await engine.aclose()
    return sorted(late)


def main(rounds: int) -> None:
    """Print the tables."""
    model = load()
    transformer = Transformer(CARD, read_model(WEIGHTS, CARD))
    ways = {
        "matrix products alone": matrix_products(transformer),
        "the transformer's step, one lane": transformer_steps(transformer, 1),
        "the transformer's step, both lanes": transformer_steps(transformer, 2),
        "the engine's step, one lane": engine_steps(model, (Lane.STEERED,)),
        "the engine's step, both lanes": engine_steps(model, BOTH_LANES),
    }
    try:
        ways |= {"PyTorch eager, one lane": torch_steps(1), "PyTorch eager, both in a batch": torch_steps(2)}
    except ImportError:
        print("PyTorch is not installed: its figures are left out.")
    rates: dict[str, list[float]] = {name: [] for name in ways}
    loads: list[float] = []
    for _ in range(rounds + 1):
        for name, way in ways.items():
            rates[name].append(rate(way))
        began = time.perf_counter()
        load()
        loads.append((time.perf_counter() - began) * 1e3)
    medians = {name: statistics.median(taken[1:]) for name, taken in rates.items()}
    print(f"| {CARD.name}, {CARD.vocabulary_size} tokens | steps/s | µs a step |\n|---|---|---|")
    for name, median in medians.items():
        print(f"| {name} | {median:.0f} | {1e6 / median:.0f} |")

    one, both = "the transformer's step, one lane", "the transformer's step, both lanes"
    ratios = [("the transformer's step, of the products alone", one, "matrix products alone", "0.7")]
    if "PyTorch eager, one lane" in ways:
        ratios += [
            ("the transformer's step, of PyTorch eager", one, "PyTorch eager, one lane", "2"),
            ("both lanes' step, of PyTorch eager", both, "PyTorch eager, both in a batch", "1.5"),
            ("with tokens drawn, of PyTorch's logits", "the engine's step, one lane", "PyTorch eager, one lane", ""),
            ("the same, both lanes", "the engine's step, both lanes", "PyTorch eager, both in a batch", ""),
        ]
    print("\n| steps/s | ratio | goal |\n|---|---|---|")
    for label, first, second, goal in ratios:
        print(f"| {label} | {medians[first] / medians[second]:.2f} | {goal} |")
    print(f"\nThe model loads in {statistics.median(loads[1:]):.0f} ms (goal: 60).")

    print("\n| the event loop, ms late | median | p99 | max |\n|---|---|---|---|")
    for name, generating in (("idle", False), ("generating flat out", True)):
        late = asyncio.run(gaps(4.0, generating))
        figures = (late[len(late) // 2], late[len(late) * 99 // 100], late[-1])
        print(f"| {name} | " + " | ".join(f"{figure:.1f}" for figure in figures) + " |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
