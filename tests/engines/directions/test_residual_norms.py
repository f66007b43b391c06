"""A layer's norm is measured once, kept on disk, and measured anew where what is kept cannot be right."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from steer_tui.domain import Malformed, Rejected, SteerError, Unreachable, Unsupported
from steer_tui.engines.directions.residual_norms import SENTENCES, ResidualNorms, mean_norm


class Ruler:
    """Measures a layer as 10 more than its number, and notes what it was asked for."""

    def __init__(self, told: Mapping[int, float] | None = None, error: SteerError | None = None) -> None:
        self.asked: list[tuple[int, ...]] = []
        self.error = error
        self.began, self.let = asyncio.Event(), asyncio.Event()
        self.let.set()
        self._told = told

    async def __call__(self, layers: Sequence[int]) -> Mapping[int, float]:
        self.asked.append(tuple(layers))
        self.began.set()
        await self.let.wait()
        if self.error is not None:
            raise self.error
        return {layer: 10.0 + layer for layer in layers} if self._told is None else self._told


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_layer_is_measured_once(tmp_path: Path) -> None:
    ruler = Ruler()
    norms = ResidualNorms(ruler, "a model", tmp_path)
    assert [await norms.at(3), await norms.at(3), await norms.at(4)] == [13.0, 13.0, 14.0]
    assert ruler.asked == [(3,), (4,)]


async def test_what_was_measured_is_kept_on_disk_for_the_model_alone(tmp_path: Path) -> None:
    await ResidualNorms(Ruler(), "a model", tmp_path / "new").at(3)
    again, other = Ruler(), Ruler()
    assert await ResidualNorms(again, "a model", tmp_path / "new").at(3) == 13.0
    assert await ResidualNorms(other, "another", tmp_path / "new").at(3) == 13.0
    assert (again.asked, other.asked) == ([], [(3,)])


async def test_all_layers_that_are_asked_for_at_once_are_measured_at_once(tmp_path: Path) -> None:
    await ResidualNorms(Ruler(), "a model", tmp_path).at(2)
    ruler = Ruler()
    norms = ResidualNorms(ruler, "a model", tmp_path)
    told = await asyncio.gather(*(norms.at(layer) for layer in [5, -1, 2, 0, 5]))
    assert told == [15.0, 9.0, 12.0, 10.0, 15.0]
    assert ruler.asked == [(-1, 0, 5)]


async def test_who_comes_while_a_layer_is_measured_waits_for_it(tmp_path: Path) -> None:
    ruler = Ruler()
    norms = ResidualNorms(ruler, "a model", tmp_path)
    ruler.let.clear()
    first = asyncio.create_task(norms.at(3))
    await ruler.began.wait()
    second = asyncio.create_task(norms.at(3))
    await asyncio.sleep(0)
    ruler.let.set()
    assert [await first, await second] == [13.0, 13.0]
    assert ruler.asked == [(3,)]


async def test_who_waits_measures_when_the_one_who_measured_is_cancelled(tmp_path: Path) -> None:
    ruler = Ruler()
    norms = ResidualNorms(ruler, "a model", tmp_path)
    ruler.let.clear()
    first = asyncio.create_task(norms.at(3))
    await ruler.began.wait()
    second = asyncio.create_task(norms.at(3))
    await asyncio.sleep(0)
    first.cancel()
    ruler.let.set()
    assert await second == 13.0
    assert first.cancelled()
    assert ruler.asked == [(3,), (3,)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]",
        "\x00\xff",
        f'{{"at": {10**400}, "answer": 13}}',
        f'{{"at": 0, "answer": {10**400}}}',
        *(f'{{"at": 0, "answer": {answer}}}' for answer in ['"13"', "NaN", "-1.0", "true", '{"norm": 13}', "null"]),
    ],
)
async def test_a_broken_file_is_measured_anew(tmp_path: Path, text: str) -> None:
    await ResidualNorms(Ruler(), "a model", tmp_path).at(3)
    (file,) = files_in(tmp_path)
    file.write_text(text)
    ruler = Ruler()
    assert await ResidualNorms(ruler, "a model", tmp_path).at(3) == 13.0
    assert ruler.asked == [(3,)]
    again = Ruler()
    assert await ResidualNorms(again, "a model", tmp_path).at(3) == 13.0
    assert again.asked == []


async def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert await ResidualNorms(Ruler(), "a model", tmp_path / "file" / "folder").at(3) == 13.0


@pytest.mark.parametrize("told", [{}, {3: float("nan")}, {3: 0.0}, {4: 14.0}])
async def test_a_layer_that_is_not_told_is_none_and_not_kept(tmp_path: Path, told: dict[int, float]) -> None:
    ruler = Ruler(told)
    norms = ResidualNorms(ruler, "a model", tmp_path)
    assert [await norms.at(3), await norms.at(3)] == [None, None]
    assert (ruler.asked, files_in(tmp_path)) == ([(3,)], [])


async def test_a_server_that_cannot_measure_is_asked_once(tmp_path: Path) -> None:
    ruler = Ruler(error=Unsupported("no capture here"))
    norms = ResidualNorms(ruler, "a model", tmp_path)
    assert [await norms.at(3), await norms.at(3)] == [None, None]
    assert ruler.asked == [(3,)]


@pytest.mark.parametrize("error", [Rejected("a text too long"), Malformed("half an answer")])
async def test_a_measurement_that_failed_is_tried_again_when_it_is_next_asked_for(
    tmp_path: Path, error: SteerError
) -> None:
    ruler = Ruler(error=error)
    norms = ResidualNorms(ruler, "a model", tmp_path)
    assert await asyncio.gather(*(norms.at(layer) for layer in [3, 4, 3])) == [None, None, None]
    assert ruler.asked == [(3, 4)]
    ruler.error = None
    assert await norms.at(3) == 13.0


async def test_a_server_that_is_not_there_is_an_error_and_asked_again(tmp_path: Path) -> None:
    ruler = Ruler(error=Unreachable("gone"))
    norms = ResidualNorms(ruler, "a model", tmp_path)
    with pytest.raises(Unreachable):
        await norms.at(3)
    ruler.error = None
    assert await norms.at(3) == 13.0


def test_the_mean_norm_leaves_out_the_first_token_of_each_text() -> None:
    texts = [np.array([[900, 0], [3, 4], [0, 1]], np.float32), np.array([[900, 0], [0, 9]], np.float32)]
    assert mean_norm(texts) == pytest.approx((5 + 1 + 9) / 3)


@pytest.mark.parametrize(
    "texts",
    [[], [np.ones((1, 2), np.float32)], [np.full((2, 2), np.nan, np.float32)], [np.zeros((3, 2), np.float32)]],
)
def test_no_norm_is_told_where_there_is_none(texts: list[np.ndarray]) -> None:
    assert mean_norm(texts) is None


def test_the_sentences_are_of_realistic_length_and_no_two_the_same() -> None:
    words = [len(text.split()) for text in SENTENCES]
    assert 8 <= len(set(SENTENCES)) == len(SENTENCES) <= 12
    assert 200 <= sum(words) <= 350
