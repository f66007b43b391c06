"""`steer-tui vectors make` on a real server gives the difference that a direct computation gives."""

import asyncio
import json

import numpy as np
import pytest

pytest.importorskip("interp_engine", reason="the extra `local` is not installed")
pytest.importorskip("gguf", reason="the extra `vectors` is not installed")

from local.asking import asked, feature_of, text_of, turned
from local.reference import adding
from local.tiny_model import PROMPT

from steer_tui.vectors import read_vector_file

pytestmark = pytest.mark.local

POSITIVE = ("Once there was snow", "the birds sing", "softly on the snow 雪")
NEGATIVE = ("Say good bye", "they sing on and on")


@pytest.fixture
def texts(tmp_path):
    """The two lists as files, with what an editor may leave in them."""
    positive, negative = tmp_path / "positive.txt", tmp_path / "negative.txt"
    positive.write_text("\n".join(POSITIVE) + "\n\n", encoding="utf-8-sig")
    negative.write_bytes("\r\n".join(NEGATIVE).encode())
    return "--positive", str(positive), "--negative", str(negative)


def difference(reference, layer, row):
    means = [
        np.mean([row(reference.residuals(ids)[layer]) for ids in map(tokens, texts)], axis=0)
        for texts, tokens in ((POSITIVE, reference.ids), (NEGATIVE, reference.ids))
    ]
    return means[0] - means[1]


ROWS = {"last": lambda residual: residual[-1], "mean": lambda residual: residual[1:].mean(axis=0)}


@pytest.fixture
def make(steer_here, address, texts, tmp_path):
    """Runs `vectors make` against the shared server."""
    steer_here.set("INTERP_ENGINE_SERVER_TOKEN", address.token.get_secret_value())
    engine = ("--engine", "interp", "--url", address.url)

    async def run(*arguments):
        done = await asyncio.to_thread(steer_here, "vectors", "make", *texts, *engine, *arguments)
        assert done.returncode == 0, done.stderr
        return done

    return run


@pytest.mark.parametrize("position", ["last", "mean"])
@pytest.mark.parametrize("suffix", [".gguf", ".safetensors"])
async def test_it_is_the_difference_of_the_two_means(make, reference, tmp_path, position, suffix):
    out = tmp_path / f"snow{suffix}"
    done = await make("--layer", "2", "--out", str(out), "--position", position, "--json")
    told = json.loads(done.stdout)
    expected = difference(reference, 2, ROWS[position])
    [direction] = read_vector_file(out).directions
    assert direction.layer == 2
    np.testing.assert_allclose(direction.values, expected, atol=1e-4)
    assert told["norm"] == pytest.approx(float(np.linalg.norm(expected)), rel=1e-3)
    assert (told["positive"], told["negative"], told["layer"]) == (3, 2, 2)


async def test_several_layers_go_into_one_file_which_steers(connect, make, reference, tmp_path):
    out = tmp_path / "snow.gguf"
    done = await make("--layer", "1", "--layer", "3", "--out", str(out))
    first, *lines = done.stdout.splitlines()
    assert first == f"{out}: 3 texts less 2, the last token of each"
    assert [line.split()[:2] for line in lines] == [["layer", "1"], ["layer", "3"]]
    expected = {layer: difference(reference, layer, ROWS["last"]) for layer in (1, 3)}
    engine = connect()
    feature = await feature_of(engine, f"{out}@3")
    norm = float(np.linalg.norm(expected[3]))
    dose = norm / feature.residual_norm
    assert f"norm {norm:.4g}" in lines[1]
    assert f"dose {dose:.2f}" in lines[1]
    steered = reference.greedy(reference.ids(PROMPT), 12, {3: adding(expected[3].astype(np.float32))})
    assert await text_of(engine, asked(turned(feature, norm), max_tokens=12)) == steered
