"""The arrays of an SAE, asked for by the names that its maker gave them."""

from collections.abc import Mapping
from pathlib import Path

from steer_tui.vectors.faults import broken, quoted, too_large
from steer_tui.vectors.formats.stored_array import COUNT_MAX, WIDTH_MAX, StoredArray


class Weights:
    """The arrays of one file; capitals make no difference, since makers differ in them."""

    def __init__(self, path: Path, arrays: Mapping[str, StoredArray]) -> None:
        self.path = path
        self._arrays = {name.lower(): array for name, array in arrays.items()}

    def matrix(self, *names: str) -> StoredArray:
        """The table of the first of these names that is there; raises where none is."""
        found = self.matrix_or_none(*names)
        if found is None:
            held = ", ".join(quoted(name) for name in list(self._arrays)[:8]) or "none"
            raise broken(self.path, f"it holds no {names[0]} (its arrays are: {held})")
        return found

    def matrix_or_none(self, *names: str) -> StoredArray | None:
        """The same, or None."""
        array = self._first(names)
        if array is None:
            return None
        shown = " × ".join(f"{side:,}" for side in array.shape)
        if len(array.shape) != 2 or 0 in array.shape:
            raise broken(self.path, f"its {quoted(array.name)} is no table with one row for each feature but {shown}")
        if max(array.shape) > COUNT_MAX or min(array.shape) > WIDTH_MAX:
            raise too_large(self.path, f"its {quoted(array.name)} is {shown}")
        return array

    def vector_or_none(self, *names: str) -> StoredArray | None:
        """The row of numbers of the first of these names that is there."""
        array = self._first(names)
        if array is not None and (not array.size or array.size != max(array.shape, default=1)):
            raise broken(self.path, f"its {quoted(array.name)} is no row of numbers")
        return array

    def _first(self, names: tuple[str, ...]) -> StoredArray | None:
        return next((self._arrays[name.lower()] for name in names if name.lower() in self._arrays), None)
