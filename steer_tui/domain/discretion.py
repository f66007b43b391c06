"""Sentences without the places that they name: an address or a path is nobody's business who reads what is shared."""

import re

_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.\-]*://[^\s'\"<>]+", re.IGNORECASE)
_QUOTED = re.compile(r"""(['"])(?:~|[A-Za-z]:|\.\.?)?[/\\][^\s'"][^'"\n]*\1""")
_PATH = re.compile(r"(?<![\w./\\~\-])(?:~|[A-Za-z]:|\.\.?)?[/\\][^\s'\",;:]+")


def discreet(message: str) -> str:
    """A message without the addresses and the paths of files in it."""
    without_addresses = _ADDRESS.sub("(an address)", message)
    return _PATH.sub("(a path)", _QUOTED.sub(r"\1(a path)\1", without_addresses))
