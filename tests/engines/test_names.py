"""A feature is named by its source and index, with its model, or by the address of its page; no other host counts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steer_tui.engines.names import FeatureName, may_be_same_model, read_name

OWN = "http://box.example:3000/np"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("20-gemmascope-res-16k/123", FeatureName(None, "20-gemmascope-res-16k", 123)),
        (" gpt2-small/6-res-jb/7 ", FeatureName("gpt2-small", "6-res-jb", 7)),
        ("google/gemma-2-2b/20-res/7", FeatureName("google/gemma-2-2b", "20-res", 7)),
        ("unknown model/20-res/7", FeatureName("unknown model", "20-res", 7)),
        ("https://www.neuronpedia.org/gpt2-small/6-res-jb/7", FeatureName("gpt2-small", "6-res-jb", 7)),
        ("neuronpedia.org/gpt2-small/6-res-jb/7/?embed=true#x", FeatureName("gpt2-small", "6-res-jb", 7)),
        ("https://neuronpedia.org/api/feature/gpt2-small/6-res-jb/7", FeatureName("gpt2-small", "6-res-jb", 7)),
        (f"{OWN}/gpt2-small/6-res-jb/7", FeatureName("gpt2-small", "6-res-jb", 7)),
        ("https://BOX.example/gpt2-small/6-res-jb/7", FeatureName("gpt2-small", "6-res-jb", 7)),
        ("6-res-jb", None),
        ("6-res-jb/x", None),
        ("sea/7", None),
        ("6-res-jb/-7", None),
        ("6-res-jb/" + "9" * 5000, None),
        ("https://elsewhere.org/gpt2-small/6-res-jb/7", None),
        ("https://notneuronpedia.org/gpt2-small/6-res-jb/7", None),
        ("https://neuronpedia.org@elsewhere.org/gpt2-small/6-res-jb/7", None),
        ("https://www.neuronpedia.org/gpt2-small", None),
        ("https://[::1/a/6-b/1", None),
        ("https:///gpt2-small/6-res-jb/7", None),
        ("", None),
    ],
)
def test_what_a_text_names(text: str, name: FeatureName | None) -> None:
    assert read_name(text, OWN) == name


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("gpt2", "gpt2-small", True),
        ("openai-community/gpt2", "gpt2-small", True),
        ("meta-llama/Llama-3.1-8B", "llama3.1-8b", True),
        ("gemma-2-2b", "google/gemma-2-2b-it", True),
        ("gemma-2-2b", "gemma-2-27b", False),
        ("gpt2-small", "gpt2-large", False),
        ("gpt2-small", "gemma-2-2b", False),
    ],
)
def test_which_names_may_be_those_of_one_model(one: str, other: str, is_same: bool) -> None:
    assert may_be_same_model(one, other) is may_be_same_model(other, one) is is_same


WORDS = st.builds("".join, st.tuples(st.sampled_from("aZ09"), st.text("aZ09._-", max_size=12)))


@settings(deadline=None)
@given(WORDS, st.integers(0, 99), WORDS, st.integers(0, 10**9 - 1))
def test_every_id_and_every_page_reads_as_its_name(model: str, layer: int, set_: str, index: int) -> None:
    name = FeatureName(model, f"{layer}-{set_}", index)
    assert read_name(name.id) == read_name(f"https://www.neuronpedia.org/{name.id}?embed=true") == name
    assert read_name(name.place) == FeatureName(None, name.source, index)
    assert read_name(f"https://elsewhere.example/{name.id}") is None


@settings(deadline=None)
@given(st.text("a7-/:.?#@[] ", max_size=20) | st.text(max_size=20), st.sampled_from(["", OWN, "http://[", "box"]))
def test_whatever_is_written_names_one_feature_or_none(text: str, url: str) -> None:
    for written in (text, f"https://{text}", f"https://neuronpedia.org/{text}"):
        name = read_name(written, url)
        assert name is None or read_name(name.id) == name
