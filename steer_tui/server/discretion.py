"""What an engine says of itself, without where it is: addresses and paths stay on the server's side of the door."""

import hashlib
import re
from pathlib import PurePath

_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.\-]*://[^\s'\"<>]+", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w./\\~\-])(?:~|[A-Za-z]:|\.\.?)?[/\\][^\s'\",;:]*")
_FOLDER = re.compile(r"[/\\~.]|[A-Za-z]:[/\\]")
_FILE_ID = re.compile(r"(?P<random>(?:random-\d+/)*)(?P<path>(?:[A-Za-z]:)?[/\\].+)", re.DOTALL)


def discreet(message: str) -> str:
    """A message without the addresses and the paths of files in it."""
    return _PATH.sub("(a path)", _ADDRESS.sub("(an address)", message))


def public_model(name: str) -> str:
    """A model's name as clients see it: of one in a folder the folder's own name."""
    return re.split(r"[/\\]", name.rstrip("/\\"))[-1] if _FOLDER.match(name) else name


def public_id(id: str) -> str:
    """A feature's id as clients see it: of a file's path, the name and a mark that stands for the folder."""
    match = _FILE_ID.fullmatch(id)
    if match is None:
        return id
    path = PurePath(match["path"])
    mark = hashlib.sha256(str(path.parent).encode()).hexdigest()[:8]
    return f"{match['random']}{mark}/{path.name}"
