"""`steer-tui run --record FILE`: what a run is made from and what comes of it goes to a file as well."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from steer_tui.domain import Dial, ErrorEvent, Event, Feature, GenerationRequest, InvalidValue, Lane, SteerError
from steer_tui.engines import EngineInfo
from steer_tui.engines.replay import RecordedRun
from steer_tui.generation.recording import Recorder, new_recording


class Record(Protocol):
    """What takes a run down."""

    def begin(self, engine: EngineInfo, request: GenerationRequest, dials: Sequence[Dial]) -> None:
        """The request leaves."""
        ...

    def take(self, event: Event) -> None:
        """One event of the run."""
        ...

    def fail(self, error: SteerError, lane: Lane | None, engine: EngineInfo, request: GenerationRequest) -> None:
        """What ended the run, perhaps before its request could leave."""
        ...


class NoRecord:
    """Takes nothing down."""

    def begin(self, engine: EngineInfo, request: GenerationRequest, dials: Sequence[Dial]) -> None:
        """Nothing."""

    def take(self, event: Event) -> None:
        """Nothing."""

    def fail(self, error: SteerError, lane: Lane | None, engine: EngineInfo, request: GenerationRequest) -> None:
        """Nothing."""


class FileRecord:
    """Takes it down into a recording."""

    def __init__(self, recorder: Recorder, file: Path) -> None:
        self._recorder, self._file = recorder, file

    def begin(self, engine: EngineInfo, request: GenerationRequest, dials: Sequence[Dial]) -> None:
        """The request leaves."""
        run = RecordedRun(
            engine.name,
            engine.model,
            request.prompt,
            request.sampling,
            (*dials, *_undialled(request.watched, dials)),
            request.vector.method,
            request.chat,
            request.lanes,
        )
        with self._naming_the_file():
            self._recorder.begin(run)

    def take(self, event: Event) -> None:
        """One event of the run; raises OSError, with the name of the file, where there is no room for it."""
        with self._naming_the_file():
            self._recorder.take(event)

    def fail(self, error: SteerError, lane: Lane | None, engine: EngineInfo, request: GenerationRequest) -> None:
        """The error as an event; where not even the dials were known, of a run without any."""
        if not self._recorder.has_begun:
            self.begin(engine, request, ())
        self.take(ErrorEvent(error.message, error.code, error.retry_after, lane))

    @contextmanager
    def _naming_the_file(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, f"{error.strerror} (--record {self._file})") from error


@contextmanager
def recording_to(file: Path | None) -> Iterator[Record]:
    """A record in a new file, or none; raises InvalidValue for a file that there is already, or cannot be."""
    if file is None:
        yield NoRecord()
        return
    with ExitStack() as stack:
        try:
            recorder = stack.enter_context(new_recording(file))
        except FileExistsError as error:
            raise InvalidValue(f"--record: {file} is there already; name a new file.") from error
        except OSError as error:
            raise InvalidValue(f"--record: {file} cannot be written: {error.strerror}.") from error
        yield FileRecord(recorder, file)


def _undialled(watched: Sequence[Feature], dials: Sequence[Dial]) -> tuple[Dial, ...]:
    """A dial that is off for each feature that is watched without one."""
    dialled = {dial.feature.id for dial in dials}
    return tuple(Dial(feature) for feature in watched if feature.id not in dialled)
