"""Characters that are split over tokens, with a tokenizer at hand."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from engines.collecting import endings, events_of, words
from engines.interp.asking import DEFAULT, asked
from engines.interp.box import Box
from engines.interp.conftest import Open
from hypothesis import given
from hypothesis import strategies as st

from steer_tui.domain import FinishReason, Lane, TokenEvent
from steer_tui.engines.interp.answers import TokenLine
from steer_tui.engines.interp.characters import Characters
from steer_tui.engines.interp.lane_text import LaneText
from steer_tui.engines.interp.tokenizer import Decodes, open_tokenizer


class Bytes:
    """A tokenizer whose tokens are bytes."""

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        return bytes(ids).decode(errors="replace")


class Words:
    """A tokenizer that leaves out the space before the first word, as sentencepiece has it."""

    words = ("", " Once", " upon", " a", " sea")

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        return "".join(self.words[one] for one in ids).removeprefix(" ")


class Runs:
    """A tokenizer whose tokens are bytes, and to which a run with a broken one is broken as a whole (ByteFallback)."""

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        runs = re.findall(rb"[\x00-\x7f]+|[\x80-\xff]+", bytes(ids))
        return "".join(self._run(run) for run in runs)

    def _run(self, run: bytes) -> str:
        try:
            return run.decode()
        except UnicodeDecodeError:
            return "\ufffd" * len(run)


BYTES = Bytes()


def text_of(ids: bytes, stops: tuple[str, ...] = (), prompt: bytes = b"So ", tokenizer: Decodes = BYTES) -> list[str]:
    """The texts of the tokens that a lane shows."""
    lane = LaneText(Lane.STEERED, stops, Characters(tokenizer, prompt), chat=False)
    events = []
    for one in ids:
        events += lane.take(TokenLine(type="token", token_id=one, token_str=tokenizer.decode([one])))
        if lane.end is not None:
            break
    events += lane.finish(FinishReason.MAX_TOKENS)
    assert [event.index for event in events if isinstance(event, TokenEvent)] == list(range(len(events)))
    return [event.token for event in events if isinstance(event, TokenEvent)]


def test_a_character_stands_whole_with_the_last_of_its_tokens() -> None:
    assert text_of("aé🦭".encode()) == ["a", "", "é", "", "", "", "🦭"]


def test_a_character_that_is_cut_off_by_the_end_is_shown_as_such() -> None:
    assert text_of(b"a\xf0\x9f") == ["a", "", "\ufffd"]


def test_a_stop_text_of_split_characters_is_found() -> None:
    assert text_of("ab🦭c".encode(), ("🦭",)) == ["a", "b"]


@given(st.text(max_size=12))
def test_any_text_comes_as_it_is(text: str) -> None:
    assert "".join(text_of(text.encode())) == text


@given(st.text(max_size=12))
def test_any_text_comes_as_it_is_from_a_tokenizer_of_runs(text: str) -> None:
    assert "".join(text_of(text.encode(), tokenizer=Runs())) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xff\xfe" + "雪雪x".encode(), "��雪雪x"),
        (b"\xf0\x9f\x99" + "🙂🙂ab".encode(), "�🙂🙂ab"),
        (b"\xe9\xe9\xe9\xe9" + "é".encode(), "����é"),
    ],
)
def test_a_broken_character_leaves_those_after_it_whole(data: bytes, text: str) -> None:
    assert "".join(text_of(data)) == text


broken_bytes = st.lists(st.sampled_from([*("é雪🙂".encode()), 0x41, 0xFF, 0xC3]), max_size=24).map(bytes)


@given(st.binary(max_size=24) | broken_bytes)
def test_any_bytes_come_as_the_whole_is_decoded_and_lose_no_token(data: bytes) -> None:
    shown = text_of(data)
    assert ("".join(shown), len(shown)) == (data.decode(errors="replace"), len(data))


@given(broken_bytes, st.text(max_size=6))
def test_text_behind_broken_bytes_is_whole_from_a_tokenizer_of_runs(data: bytes, text: str) -> None:
    shown = text_of(data + text.encode(), tokenizer=Runs())
    assert "".join(shown).endswith(text)
    assert len(shown) == len(data + text.encode())


def test_words_have_the_spaces_that_the_server_leaves_out() -> None:
    characters = Characters(Words(), [1, 2])
    assert [*characters.take(3, "a"), *characters.take(4, "sea")] == [" a", " sea"]


def test_a_tokenizer_of_another_model_is_not_believed() -> None:
    characters = Characters(Words(), [1, 2])
    assert [*characters.take(3, "dog"), *characters.take(4, "sea")] == ["dog", "sea"]


def test_without_a_tokenizer_the_servers_texts_stay() -> None:
    characters = Characters(None, [1])
    assert (characters.take(3, "\ufffd"), characters.end()) == (["\ufffd"], [])


def test_what_is_no_tokenizer_is_none(tmp_path: Path) -> None:
    assert open_tokenizer("a/b", tmp_path) is None
    assert open_tokenizer("/no/such/model", None) is None
    (tmp_path / "tokenizer.json").write_text("{}")
    assert open_tokenizer("a/b", tmp_path) is None


async def test_the_tokenizer_of_a_folder_puts_them_together(open_at: Open, tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="comes with the extra `local`")
    model = tokenizers.models.BPE(vocab={"<s>": 0, "</s>": 1, "h": 2, "Ã": 3, "©": 4}, merges=[])
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    box = Box(default=["h", "\ufffd", "\ufffd ", "</s>"])
    box.words = ["<s>", "</s>", "h", "\ufffd", "\ufffd "]
    engine = await open_at(box, tokenizer=tmp_path)
    events = await events_of(engine, asked(prompt="h", lanes=DEFAULT))
    assert (words(events, Lane.DEFAULT), endings(events)) == (["h", "", "é"], ["complete"])
