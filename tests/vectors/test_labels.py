"""What the features of an SAE are called, by the files that may stand in its folder."""

import json
from pathlib import Path

import pytest
from vectors.making import saelens

from steer_tui.domain import Malformed
from steer_tui.vectors import open_sae

EXPLAINED = [
    {"modelId": "gpt2-small", "layer": "7-res-jb", "index": "2", "description": " words for winter\n", "typeName": "x"},
    {"modelId": "gpt2-small", "layer": "7-res-jb", "index": "5", "description": "names of ships"},
]
LABELS = {2: "words for winter", 5: "names of ships"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.json", json.dumps({"2": "words for winter", "5": "names of ships"})),
        (
            "labels.json",
            json.dumps([{"index": 2, "label": "words for winter"}, {"index": 5, "label": "names of ships"}]),
        ),
        (
            "labels.json",
            json.dumps([{"index": 2.0, "label": "words for winter"}, {"index": 5, "label": "names of ships"}]),
        ),
        ("labels.csv", "index,label\n2,words for winter\n5,names of ships\n"),
        ("labels.csv", '\ufeffindex,density,label\r\n2,0.1,"words for\nwinter"\r\n5,0,names of ships\r\n'),
        ("labels.jsonl", '{"index": 2, "label": "words for winter"}\n\n{"index": 5, "label": "names of ships"}'),
        ("explanations.json", json.dumps(EXPLAINED)),
        ("explanations.jsonl", "\n".join(map(json.dumps, EXPLAINED))),
    ],
)
def test_a_labels_file(tmp_path: Path, name: str, text: str) -> None:
    (saelens(tmp_path) / name).write_bytes(text.encode())
    labels = {index: label.replace("\n", " ") for index, label in open_sae(tmp_path).labels.items()}
    assert labels == LABELS


def test_without_one_there_are_no_labels(tmp_path: Path) -> None:
    assert open_sae(saelens(tmp_path)).labels == {}


def test_labels_of_features_that_are_not_there_and_without_text_are_left_out(tmp_path: Path) -> None:
    (saelens(tmp_path) / "labels.json").write_text(json.dumps({"1": "one", "6": "none", "-1": "none", "3": "  "}))
    assert open_sae(tmp_path).labels == {1: "one"}


def test_a_label_is_kept_at_a_sensible_length(tmp_path: Path) -> None:
    (saelens(tmp_path) / "labels.json").write_text(json.dumps({"1": "winter " * 1000}))
    assert len(open_sae(tmp_path).labels[1]) == 500


def test_ones_own_labels_go_before_an_export(tmp_path: Path) -> None:
    saelens(tmp_path)
    (tmp_path / "explanations.json").write_text(json.dumps(EXPLAINED))
    (tmp_path / "labels.json").write_text(json.dumps({"2": "mine"}))
    assert open_sae(tmp_path).labels == {2: "mine"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.json", "{"),
        ("labels.json", "3"),
        ("labels.json", '{"winter": 3}'),
        ("labels.json", '{"3": ["winter"]}'),
        ("labels.json", '["winter"]'),
        ("labels.json", '[{"label": "winter"}]'),
        ("labels.json", '[{"index": 1.7, "label": "winter"}]'),
        ("labels.json", '[{"index": 1e999, "label": "winter"}]'),
        ("labels.json", '[{"index": true, "label": "winter"}]'),
        ("labels.json", "[" * 100_000),
        ("labels.jsonl", '{"index": 2, "label": "words"}\nwinter'),
        ("labels.csv", "2,winter\n"),
        ("labels.csv", "index,label\nwinter,2\n"),
        ("labels.json", b"\xff\xfe\x00"),
    ],
)
def test_a_file_that_holds_no_labels_is_a_sentence_that_says_what_to_do(
    tmp_path: Path, name: str, text: str | bytes
) -> None:
    (saelens(tmp_path) / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(Malformed, match=f"{name} holds no labels by index") as broken:
        open_sae(tmp_path)
    assert "remove it" in broken.value.hint
