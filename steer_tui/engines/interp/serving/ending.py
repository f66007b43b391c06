"""What a server of ours says when it ends by itself, in a sentence for a person."""

from collections.abc import Iterable

from steer_tui.domain import Unreachable, safe_line
from steer_tui.engines.interp.serving.readiness import hint_for

_WORDS_MAX = 300
_KILLED = 128 + 9
_ASKED = {128 + 1: "SIGHUP", 128 + 2: "SIGINT", 128 + 15: "SIGTERM"}


class ServerEnded(Unreachable):
    """A server of ours has ended by itself; another one is started when a person asks for it, and not by a retry."""

    default_hint = "Try again: it is started anew."
    passing = False


class PortTaken(ServerEnded):
    """Somebody else was faster to listen at the port that was chosen."""


def ending_error(what_happened: str, last_words: str | None, exit_code: int | None) -> ServerEnded:
    """The error for a server that ended: what happened, why in its own words, and what to do."""
    if exit_code == _KILLED:
        return ServerEnded(
            f"{what_happened}: it was killed, as the system does when the memory is full.",
            hint="Choose a smaller model, or make room.",
        )
    if exit_code in _ASKED:
        return ServerEnded(f"{what_happened}: somebody has sent it a {_ASKED[exit_code]}.")
    if last_words is None:
        code = "" if exit_code is None else f" (exit code {exit_code})"
        return ServerEnded(f"{what_happened} without a word{code}.", hint=hint_for(""))
    said = last_words if len(last_words) <= _WORDS_MAX else last_words[: _WORDS_MAX - 1] + "…"
    return ServerEnded(f"{what_happened}: {safe_line(said)}", hint=hint_for(last_words))


def says_port_taken(lines: Iterable[str]) -> bool:
    """Whether a server that has not answered yet found its port taken."""
    return any("address already in use" in line.casefold() for line in lines)
