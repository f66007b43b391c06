"""The words of the corpus, read from the TOML files beside this module."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "lexicon"
Words = tuple[str, ...]


@dataclass(frozen=True)
class HowTo:
    """A goal and the steps that lead to it."""

    goal: str
    steps: Words


@dataclass(frozen=True)
class WordField:
    """The words of one topic or one mood: lists by the name of the slot that they fill."""

    label: str
    lists: dict[str, Words]
    definitions: tuple[tuple[str, str], ...] = ()
    instructions: tuple[HowTo, ...] = ()


@dataclass(frozen=True)
class Genre:
    """A genre: its plan, what separates its sentences, and its rules."""

    label: str
    plan: Words
    separator: str
    persons: Words
    tenses: Words
    rules: dict[str, Words]


@dataclass(frozen=True)
class Lexicon:
    """Everything the grammar draws from."""

    topics: tuple[WordField, ...]
    moods: tuple[WordField, ...]
    genres: dict[str, Genre]
    narration: dict[str, Words]
    common: dict[str, Words]


def _split(text: str) -> Words:
    return tuple(part.strip() for part in text.split(";") if part.strip())


def _word_field(data: dict[str, Any]) -> WordField:
    definitions = tuple(
        (term.strip(), meaning.strip())
        for term, _, meaning in (entry.partition(":") for entry in _split(data.pop("define", "")))
    )
    instructions = tuple(
        HowTo(goal, _split(steps)) for goal, _, steps in (entry.partition(": ") for entry in data.pop("howto", []))
    )
    label = data.pop("label")
    lists = {name: _split(value) for name, value in data.items()}
    # Phrases about the protagonist can't be used of anyone else.
    for name, free in (("doing", "doings"), ("feeling", "feelings"), ("gesture", "gestures"), ("go", "goes")):
        if name in lists:
            lists[free] = tuple(phrase for phrase in lists[name] if "<" not in phrase)
    return WordField(label, lists, definitions, instructions)


def _load(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _genre(path: Path) -> Genre:
    data = _load(path)
    rules = {name: tuple(patterns) for name, patterns in data["rules"].items()}
    return Genre(
        path.stem, tuple(data["plan"]), data["separator"], tuple(data["persons"]), tuple(data["tenses"]), rules
    )


@lru_cache(maxsize=1)
def load_lexicon() -> Lexicon:
    """The lexicon of the package, in a fixed order."""
    common = _load(_FOLDER / "common.toml")
    # Lead-ins keep the space before the clause that follows them.
    lead = tuple(part.lstrip() for part in common.pop("lead").split(";") if part.strip())
    return Lexicon(
        topics=tuple(_word_field(_load(path)) for path in sorted((_FOLDER / "topics").glob("*.toml"))),
        moods=tuple(_word_field(_load(path)) for path in sorted((_FOLDER / "moods").glob("*.toml"))),
        genres={path.stem: _genre(path) for path in sorted((_FOLDER / "genres").glob("*.toml"))},
        narration={name: tuple(patterns) for name, patterns in _load(_FOLDER / "narration.toml").items()},
        common={name: _split(value) for name, value in common.items()} | {"lead": lead},
    )
