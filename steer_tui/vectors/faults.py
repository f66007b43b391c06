"""Other people's files, opened so that each fault of theirs is one clear sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from steer_tui.domain import Malformed, NotFound, Rejected, SteerError, Unsupported, safe_line

INSTALL = "Install it with: pip install 'steer-tui[vectors]'"


def named(path: Path) -> str:
    """A path as a sentence shows it."""
    return safe_line(str(path))


def quoted(text: object) -> str:
    """A name out of a file as a sentence shows it, not at any length."""
    return repr(safe_line(str(text)[:80]))


def file_size(path: Path) -> int:
    """The bytes of a regular file; raises for anything else, a folder or a pipe, before it is opened."""
    with system_faults(path):
        if "\0" in str(path):
            raise FileNotFoundError(path)
        if path.is_dir():
            raise NotFound(f"{named(path)} is a folder, not a file.", hint="Name a file in it.")
        size = path.stat().st_size
        if not path.is_file():
            raise Unsupported(f"{named(path)} is no ordinary file.", hint="Copy what it gives into a file first.")
        return size


@contextmanager
def reading(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a regular file, unbuffered, so that what is not asked for is not read."""
    file_size(path)
    with system_faults(path), path.open("rb", buffering=0) as file:
        yield file


@contextmanager
def system_faults(path: Path) -> Iterator[None]:
    """What the system says of a file, as the family of errors."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"There is no {named(path)}.", hint="Check the path.") from error
    except PermissionError as error:
        raise Rejected(
            f"{named(path)} may not be read by this user.", hint="Change its permissions, or copy it."
        ) from error
    except OSError as error:
        raise Rejected(
            f"{named(path)} could not be read: {error.strerror or error}.", hint="Check the disk."
        ) from error


def exactly(file: IO[bytes], count: int, path: Path) -> bytes:
    """The next `count` bytes; raises where the file ends before."""
    parts: list[bytes] = []
    missing = count
    while missing > 0:
        part = file.read(missing)
        if not part:
            raise cut_short(path)
        parts.append(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def cut_short(path: Path) -> SteerError:
    """The file ends in the middle."""
    return broken(path, "it ends before its end, as after a download that was broken off")


def broken(path: Path, why: str) -> SteerError:
    """The file is not what its name says."""
    return Malformed(f"{named(path)} cannot be read: {why}.", hint="Get the file again, or another one.")


def too_large(path: Path, what: str) -> SteerError:
    """More than any such file sensibly holds, so that it is not loaded to find out."""
    return Malformed(f"{named(path)} is too large: {what}.", hint="Check that it is the right file.")


def without_library(library: str) -> SteerError:
    """The file's format needs a library that is not there."""
    return Unsupported(f"A .{library} file needs the library {library}, which is not installed.", hint=INSTALL)
