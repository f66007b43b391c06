"""Answers kept on disk with their age, so that asking again costs nothing and works without a network."""

import asyncio
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import platformdirs

from steer_tui.domain import Overloaded, RateLimited, TimedOut, Truncated, Unreachable

KEPT_MAX = 500
"""How many answers are kept; the oldest make room."""

FRESH_SECONDS = 7 * 86400.0
"""How long a kept answer stands for a new one."""

_NO_ANSWER = (Unreachable, TimedOut, Overloaded, RateLimited, Truncated)


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer, and how long ago it was given."""

    value: Any
    age_seconds: float | None
    """None for one that has just been given."""

    @property
    def is_fresh(self) -> bool:
        """Whether it stands for a new one."""
        return self.age_seconds is None or self.age_seconds < FRESH_SECONDS


def cache_folder(name: str) -> Path:
    """Where answers of a kind are kept, among what may be lost at any time."""
    return platformdirs.user_cache_path("steer-tui") / name


class KeptAnswers:
    """A folder with one small JSON file an answer; a file that cannot be read or written is as none."""

    def __init__(self, folder: Path, shape: int, clock: Callable[[], float] = time.time) -> None:
        """`shape` numbers what is kept of an answer: what was kept in another one is as none."""
        self._folder, self._shape = folder, shape
        self._clock = clock

    async def answer(
        self, question: object, ask: Callable[[], Awaitable[Any]], fresh_seconds: float = FRESH_SECONDS
    ) -> Kept:
        """The kept answer while it is fresh, else a new one, else, where nobody answers, the kept one as it is."""
        kept = await self.find(question)
        if kept is not None and kept.age_seconds is not None and kept.age_seconds < fresh_seconds:
            return kept
        try:
            value = await ask()
        except _NO_ANSWER:
            if kept is None:
                raise
            return kept
        await self.keep(question, value)
        return Kept(value, None)

    async def find(self, question: object) -> Kept | None:
        """What was answered to this question, however long ago."""
        return await asyncio.to_thread(self._read, self._path(question))

    async def keep(self, question: object, value: Any) -> None:
        """Keep an answer, in place of an older one to the same question."""
        await asyncio.to_thread(self._write, self._path(question), value)

    def mentioning(self, words: str) -> Iterator[Kept]:
        """All that is kept in which these words stand, the latest first; it blocks, and is for a thread."""
        needle = json.dumps(words)[1:-1].encode()
        held: list[tuple[float, bytes]] = []
        with suppress(OSError):
            for path in self._folder.glob("*.json"):
                text = path.read_bytes()
                if needle in text:
                    held.append((path.stat().st_mtime, text))
        held.sort(key=itemgetter(0), reverse=True)
        return (kept for _, text in held if (kept := self._kept(text)) is not None)

    def _path(self, question: object) -> Path:
        asked = json.dumps([self._shape, question], sort_keys=True).encode()
        return self._folder / f"{hashlib.sha256(asked).hexdigest()}.json"

    def _read(self, path: Path) -> Kept | None:
        try:
            return self._kept(path.read_bytes())
        except OSError:
            return None

    def _kept(self, text: bytes) -> Kept | None:
        try:
            held = json.loads(text)
            return Kept(held["answer"], max(self._clock() - float(held["at"]), 0.0))
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
            return None

    def _write(self, path: Path, value: Any) -> None:
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._folder, suffix=".part")
            try:
                with os.fdopen(handle, "w") as file:
                    json.dump({"at": self._clock(), "answer": value}, file)
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            self._make_room()

    def _make_room(self) -> None:
        held = list(self._folder.glob("*.json"))
        if len(held) > KEPT_MAX:
            held.sort(key=lambda path: path.stat().st_mtime)
            for path in held[: len(held) - KEPT_MAX]:
                path.unlink(missing_ok=True)
