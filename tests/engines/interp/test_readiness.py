"""What is told of a server that starts: its log within bounds, and what to do about the words that it ends with."""

import pytest

from steer_tui.engines.interp.serving.ending import ending_error, says_port_taken
from steer_tui.engines.interp.serving.readiness import hint_for
from steer_tui.engines.interp.serving.server_log import LINE_BYTES_MAX, LINES_MAX, ServerLog


def log_of(*chunks: bytes, secret: str = "") -> ServerLog:
    log = ServerLog(secret)
    for chunk in chunks:
        log.feed(chunk)
    return log


def test_a_log_that_is_empty_has_no_last_line() -> None:
    log = log_of(b"\n", b"  \r\n")
    assert (log.last_line, log.last_words, log.lines) == (None, None, ())


def test_lines_come_however_their_bytes_are_cut() -> None:
    written = "eins\nzwölf\r\n進捗: 50%\r進捗: 51%".encode()
    for at in range(len(written)):
        assert log_of(written[:at], written[at:]).lines == ("eins", "zwölf", "進捗: 50%", "進捗: 51%")


def test_our_own_looks_are_not_the_servers_words() -> None:
    log = log_of(b'loading\nINFO:     127.0.0.1:5 - "GET /health HTTP/1.1" 503 Service Unavailable\n')
    assert log.lines == ("loading",)


def test_what_would_draw_is_made_visible_and_styles_are_left_out() -> None:
    log = log_of("\x1b]0;title\x07\x1b[1;36m(EngineCore pid=7)\x1b[0;0m a\u202eb\x07\n".encode())
    assert log.last_line == "(EngineCore pid=7) a�b␇"


def test_the_token_is_not_repeated() -> None:
    assert log_of(b"env: TOKEN=abc123\n", secret="abc123").last_line == "env: TOKEN=…"


def test_a_log_is_kept_within_bounds() -> None:
    log = log_of(b"x" * 10 * LINE_BYTES_MAX, b"x")
    assert len(str(log.last_line)) == LINE_BYTES_MAX
    log.feed(b"\n" + b"line\n" * 2 * LINES_MAX)
    assert len(log.lines) == LINES_MAX


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("one\ntwo\n", "two"),
        ("Traceback:\nOSError: no such model\nINFO:     Application shutdown complete.\n", "OSError: no such model"),
        ("server: error: unrecognized arguments: --x\n", "server: error: unrecognized arguments: --x"),
        ("ValueError: a\n  raise X\nRuntimeError: b\n", "RuntimeError: b"),
        (
            "torch.OutOfMemoryError: CUDA out of memory. Tried\nRuntimeError: Engine core failed. See above\n",
            "torch.OutOfMemoryError: CUDA out of memory. Tried",
        ),
    ],
)
def test_the_last_words_tell_why(written: str, words: str) -> None:
    assert log_of(written.encode()).last_words == words


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory.", "--dtype"),
        ("OSError: You are trying to access a gated repo.", "HF_TOKEN"),
        ("OSError: x is not a local folder and is not a valid model identifier listed on", "id"),
        ("OSError: no file named model.safetensors found in directory /x", "config.json"),
        ("OSError: We couldn't connect to 'https://huggingface.co' to load the files", "folder"),
        ("something else", "log"),
    ],
)
def test_what_to_do_about_the_words(words: str, names: str) -> None:
    assert names in hint_for(words)


def test_an_end_is_told_with_the_last_words_and_what_to_do_about_them() -> None:
    full = ending_error("The server has ended", "torch.OutOfMemoryError: CUDA out of memory.", 1)
    assert full.message == "The server has ended: torch.OutOfMemoryError: CUDA out of memory."
    assert "smaller" in full.hint
    assert ending_error("It ended", None, 3).message == "It ended without a word (exit code 3)."


def test_words_without_end_become_a_short_sentence() -> None:
    error = ending_error("The server has ended", "ValueError: " + "x" * 5000, 1)
    assert len(error.message) < 400
    assert error.message.endswith("…")


def test_a_port_that_is_taken_is_known_by_the_servers_words() -> None:
    assert says_port_taken(["a", "ERROR: [Errno 48] error while attempting to bind: Address already in use"])
    assert not says_port_taken(["a", "b"])
