"""How the screens word what they show: errors, long labels and values, all safe to draw."""

from rich.cells import cell_len, set_cell_size

from steer_tui.domain import Method, SteerError, safe_line

FILE_NAMING = "a file, FILE@LAYER, or FOLDER#INDEX of an SAE"
"""How features are named that lie in files."""


def error_words(error: SteerError) -> str:
    """An error's two sentences."""
    return safe_line(f"{error.message} {error.hint}".strip())


def shortened(label: str, cells: int) -> str:
    """A label in no more than so many cells; where it needs more, an ellipsis ends it."""
    label = safe_line(label)
    return label if cell_len(label) <= cells else set_cell_size(label, max(0, cells - 1)).rstrip() + "…"


def method_words(method: Method) -> str:
    """A method's name as a person reads it."""
    return method.value.replace("_", " ")


def value_words(value: float) -> str:
    """A value with its sign, as short as it can be."""
    return f"{value:+g}" if value else "0"
