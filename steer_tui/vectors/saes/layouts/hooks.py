"""Where in a model an SAE reads and writes, from the name that its maker gave the place."""

import re
from pathlib import Path

from steer_tui.domain import SteerError, Unsupported
from steer_tui.vectors.direction import EMBEDDING
from steer_tui.vectors.faults import named, quoted

_BEFORE = re.compile(r"blocks\.(\d{1,4})\.hook_(?:resid_pre|in)")
_AFTER = re.compile(r"blocks\.(\d{1,4})\.hook_(?:resid_post|out)")
_MODULE = re.compile(r"(?:[a-z_]+\.)*(?:layers|h|blocks)[._](\d{1,4})(?:\.output)?")
_EMBEDDING = re.compile(r"hook_embed|(?:[a-z_]+\.)*(?:embed_tokens|wte|embed_in)(?:\.output)?")


def layer_of(hook: str, folder: Path) -> int:
    """The block, from 0, to whose output the hook's place comes, or EMBEDDING; raises outside the residual stream.

    What goes into block L comes out of block L-1.
    """
    before, after = _BEFORE.fullmatch(hook), _AFTER.fullmatch(hook) or _MODULE.fullmatch(hook)
    if before is not None:
        return int(before[1]) - 1
    if after is not None:
        return int(after[1])
    if _EMBEDDING.fullmatch(hook):
        return EMBEDDING
    raise not_residual(hook, folder)


def not_residual(hook: str, folder: Path) -> SteerError:
    """The SAE's features are no directions of the residual stream."""
    return Unsupported(
        f"The SAE in {named(folder)} is of {quoted(hook)}, which is not the residual stream between two blocks.",
        hint="Choose one of hook_resid_pre, hook_resid_post or the output of a block.",
    )
