"""Messages that are shared name neither servers nor folders."""

import pytest

from steer_tui.domain.discretion import discreet


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("http://127.0.0.1:8000 cannot be reached.", "(an address) cannot be reached."),
        ("Ask https://user:secret@host/v1?key=abc again", "Ask (an address) again"),
        ("There is no file /home/ada/happy.gguf", "There is no file (a path)"),
        ("~/vectors/happy.gguf: it is empty", "(a path): it is empty"),
        (r"C:\Users\ada\x.npz holds nothing", "(a path) holds nothing"),
        ("The unit is maxActApprox / 5, or 10 and/or 3", "The unit is maxActApprox / 5, or 10 and/or 3"),
        ("gemma-2-2b/20-res/3124 is not known", "gemma-2-2b/20-res/3124 is not known"),
        ("Cannot open '/home/ada/my models/x.npz' now", "Cannot open '(a path)' now"),
        ("It is 1 / 2 of it", "It is 1 / 2 of it"),
        ("", ""),
    ],
)
def test_places_are_left_out_and_all_else_stays(message: str, told: str) -> None:
    assert discreet(message) == told
