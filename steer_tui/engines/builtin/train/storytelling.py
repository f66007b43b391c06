"""How well the model writes when nothing steers it: whole texts, and what of them breaks the grammar's rules."""

import re
from collections import Counter
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer

from steer_tui.engines.builtin.train.concepts import Concept, Signatures, concepts
from steer_tui.engines.builtin.train.generation import Added, continue_openings
from steer_tui.engines.builtin.train.model import Transformer
from steer_tui.engines.builtin.train.openings import STORIES
from steer_tui.engines.builtin.train.prose import RULES, Checks, sentences
from steer_tui.engines.builtin.train.trial import mean

_WORD = re.compile(r"[A-Za-z]+")
_TOKENS = 160
_ONE_MOOD = 0.8
_TWO_TOPICS = 0.85


@dataclass(frozen=True)
class TextFigures:
    """What was counted in unsteered texts."""

    texts: int
    sentences: int
    broken: dict[str, int]
    """Sentences that break each rule; one may break several."""
    broken_sentences: int
    heroes: int
    """Texts that have a protagonist who could change."""
    heroes_kept: int
    one_mood: float
    """The share of texts in which at least 80 % of the words of moods belong to one mood."""
    two_topics: float
    """The share of texts in which at least 85 % of the words of topics belong to two topics at most."""
    samples: tuple[tuple[str, str], ...]
    """Openings and the first text drawn for each."""
    faults: tuple[tuple[str, str], ...]
    """Some of the rules broken, with the sentences."""


def write_stories(model: Transformer, tokenizer: Tokenizer, checks: Checks, signatures: Signatures, samples: int,
                  seed: int) -> TextFigures:  # fmt: skip
    """Counts over `samples` texts an opening, each to its own end or 160 tokens."""
    nothing = torch.zeros(samples, model.architecture.width)
    written = continue_openings(model, tokenizer, Added(nothing), STORIES, _TOKENS, seed)
    broken: Counter[str] = Counter(dict.fromkeys(RULES, 0))
    faults: list[tuple[str, str]] = []
    count = bad = 0
    heroes: list[bool] = []
    moods, topics = [], []
    for texts in written:
        for text in texts:
            found = list(checks.broken(text.opening, text.text))
            broken.update(rule for rule, _ in found)
            bad += len({sentence for _, sentence in found})
            faults += found
            count += len(sentences(text.opening + text.text))
            kept = checks.keeps_hero(text.opening, text.text)
            if kept is not None:
                heroes.append(kept)
            moods.append(_held(text.text, signatures, "mood", 1) >= _ONE_MOOD)
            topics.append(_held(text.text, signatures, "topic", 2) >= _TWO_TOPICS)
    first = tuple((text.opening, text.text) for text in written[0])
    return TextFigures(
        samples * len(STORIES), count, dict(broken), bad, len(heroes), sum(heroes), mean(moods), mean(topics), first,
        tuple(faults),
    )  # fmt: skip


def _held(text: str, signatures: Signatures, kind: str, most: int) -> float:
    """The share of a kind's words that belong to the text's leading concepts of that kind."""
    words = _WORD.findall(text.lower())
    counts = [sum(word in signatures.words(concept.label) for word in words) for concept in _of_kind(kind)]
    return sum(sorted(counts)[-most:]) / sum(counts) if any(counts) else 1.0


def _of_kind(kind: str) -> list[Concept]:
    return [concept for concept in concepts() if concept.kind == kind]
