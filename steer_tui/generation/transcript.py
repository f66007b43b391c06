"""The tokens of one lane: append-only, constant cost a token, never copied while it grows."""

from array import array
from collections.abc import Mapping, Sequence

from steer_tui.domain import FeatureActivation


class Transcript:
    """Token texts and, per feature, one activation a token, in compact storage."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        """Token texts as they came; joined they are the text."""
        self.activations: dict[str, array[float]] = {}
        """Feature id → activations by token index; a token that was not read counts as 0."""
        self.readings = 0
        """How often activations have come, which may be long after their tokens."""
        self.rewinds: list[int] = []
        """How many tokens were kept each time that some were taken back, so that a reader can do the same."""
        self._reread: Mapping[str, Sequence[float]] = {}
        self._reread_at = self.extent

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def epoch(self) -> int:
        """How often tokens were taken back; within an epoch the text only grows."""
        return len(self.rewinds)

    @property
    def extent(self) -> tuple[int, int]:
        """The epoch and the number of tokens: while they are the same, so is the text."""
        return self.epoch, len(self)

    @property
    def reread(self) -> Mapping[str, Sequence[float]]:
        """Feature id → what a re-read of this very text gave, in order; empty where there was none since it changed."""
        return self._reread if self._reread_at == self.extent else {}

    @property
    def text(self) -> str:
        """All tokens joined; costs as much as the text is long."""
        return "".join(self.tokens)

    def append(self, token: str) -> None:
        """Add one token."""
        self.tokens.append(token)

    def activate(self, token_index: int, features: Sequence[FeatureActivation]) -> None:
        """Note what the features read on a token."""
        self.readings += 1
        for feature in features:
            values = self.activations.setdefault(feature.id, array("f"))
            if len(values) <= token_index:
                values.extend([0.0] * (token_index + 1 - len(values)))
            values[token_index] = feature.activation

    def note_reread(self, activations: Mapping[str, Sequence[float]]) -> None:
        """The text as it stands was read once more."""
        self._reread, self._reread_at = activations, self.extent

    def keep(self, count: int) -> None:
        """Take back all but the first `count` tokens."""
        del self.tokens[count:]
        for values in self.activations.values():
            del values[count:]
        self.rewinds.append(count)
