"""The tokenizer: trained with the `tokenizers` library, written in the format that the package reads."""

import json
from collections.abc import Iterable
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from torch import Tensor

PATTERN = r" ?[A-Za-z]+| ?[0-9]| ?[^\sA-Za-z0-9]+|\s+"
END_OF_TEXT = 256
VOCABULARY_SIZE = 4096


def byte_characters() -> list[str]:
    """The printable character that stands for each byte in byte-level BPE, in byte order."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    shifted = {byte: 256 + rank for rank, byte in enumerate(others)}
    return [chr(shifted.get(byte, byte)) for byte in range(256)]


def train_merges(texts: Iterable[str], vocabulary_size: int = VOCABULARY_SIZE) -> list[tuple[int, int]]:
    """Byte pair merges in rank order; merge k makes the id 257 + k."""
    library = Tokenizer(models.BPE())
    library.pre_tokenizer = _pre_tokenizer()
    alphabet = byte_characters()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size - 1, initial_alphabet=alphabet, show_progress=False, special_tokens=[]
    )
    library.train_from_iterator(texts, trainer)
    ids = {character: byte for byte, character in enumerate(alphabet)}
    merges: list[tuple[int, int]] = []
    for left, right in json.loads(library.to_str())["model"]["merges"]:
        merges.append((ids[left], ids[right]))
        ids.setdefault(left + right, END_OF_TEXT + len(merges))
    return merges


def library_tokenizer(merges: list[tuple[int, int]]) -> Tokenizer:
    """The same tokenizer as an object of the `tokenizers` library, with our ids."""
    names = [*byte_characters(), "<end>"]
    pairs = []
    for left, right in merges:
        pairs.append((names[left], names[right]))
        names.append(names[left] + names[right])
    vocabulary = {name: index for index, name in enumerate(names)}
    library = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))
    library.pre_tokenizer = _pre_tokenizer()
    library.decoder = ByteLevelDecoder()
    return library


def write_tokenizer(path: Path, merges: list[tuple[int, int]]) -> None:
    """Writes `tokenizer.json`."""
    content = {"format": 1, "pattern": PATTERN, "endOfText": END_OF_TEXT, "merges": merges}
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


def read_merges(path: Path) -> list[tuple[int, int]]:
    """The merges of a `tokenizer.json`."""
    return [(left, right) for left, right in json.loads(path.read_text(encoding="utf-8"))["merges"]]


def _pre_tokenizer() -> pre_tokenizers.PreTokenizer:
    split = pre_tokenizers.Split(Regex(PATTERN), behavior="isolated")
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def single_tokens(tokenizer: Tokenizer, words: Iterable[str]) -> Tensor:
    """The ids of the words that are one token, with and without the space before them."""
    encoded = [tokenizer.encode(text).ids for word in words for text in (word, f" {word}")]
    return torch.tensor(sorted({ids[0] for ids in encoded if len(ids) == 1}))
