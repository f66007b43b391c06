"""What ends one lane alone, and what no lane can go on after."""

from collections.abc import AsyncGenerator, Callable, Sequence

import pytest

from steer_tui.domain import BOTH_LANES, Event, Lane
from steer_tui.engines.inference_server.merging import in_turn, merged
from steer_tui.wire.failures import NoSecureConnection

Join = Callable[[Sequence[Lane], Callable[[Lane], AsyncGenerator[Event, None]]], AsyncGenerator[Event, None]]


@pytest.mark.parametrize("join", [merged, in_turn])
async def test_without_a_secure_connection_both_lanes_end_and_nobody_is_told_to_ask_again(join: Join) -> None:
    async def untrusted(lane: Lane) -> AsyncGenerator[Event, None]:
        raise NoSecureConnection("The certificate has expired.", hint="Look at the clock.")
        yield

    with pytest.raises(NoSecureConnection) as failed:
        await anext(join(BOTH_LANES, untrusted))
    assert (failed.value.passing, failed.value.hint) == (False, "Look at the clock.")
