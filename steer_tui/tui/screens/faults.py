"""What a screen says where a worker of its own breaks, since none of them may end the app."""

from textual.worker import Worker, WorkerState

from steer_tui.domain import safe_line


class TellsFaults:
    """A screen that shows the faults of its workers; the message of a worker's end reaches its own screen alone."""

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A worker that broke says so."""
        if event.state is WorkerState.ERROR:
            self.tell_fault(event.worker.group, safe_line(f"Something broke: {event.worker.error!r}."))

    def tell_fault(self, group: str, sentence: str) -> None:
        """Show what broke in a worker of a group, in place of what it was to bring."""
        raise NotImplementedError
