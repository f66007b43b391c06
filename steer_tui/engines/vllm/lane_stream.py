"""One lane as one request: its frames become events, and an error within the stream becomes an error."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steer_tui.domain import Event, GenerationRequest, Lane, SteerError, Truncated
from steer_tui.engines.vllm.answers import Frame
from steer_tui.engines.vllm.bodies import CHATS, COMPLETIONS
from steer_tui.engines.vllm.connection import Connection
from steer_tui.engines.vllm.delta_text import DeltaText
from steer_tui.engines.vllm.explaining import told_failure
from steer_tui.wire import JsonObject, Refusal, parse_object, presentable, read_answer, read_events
from steer_tui.wire.origin import origin_of

if TYPE_CHECKING:
    import httpx

_END = "[DONE]"


@dataclass(frozen=True, slots=True)
class LaneRequest:
    """What is asked for one lane."""

    lane: Lane
    request: GenerationRequest
    body: JsonObject

    @property
    def path(self) -> str:
        """Where it is asked."""
        return CHATS if self.request.chat else COMPLETIONS


async def stream_lane(connection: Connection, asked: LaneRequest) -> AsyncGenerator[Event, None]:
    """The events of one lane; a stream without its own end is `Truncated`."""
    text = DeltaText(asked.lane, asked.request.sampling.temperature)
    async with connection.stream(asked.path, asked.body) as response, aclosing(read_events(response)) as frames:
        async for frame in frames:
            if frame.data.strip() == _END:
                yield text.done()
                return
            told = parse_object(frame.data)
            if failure := told_failure(told):
                raise _error(connection, response, *failure)
            for choice in read_answer(Frame, told).choices[:1]:
                for event in text.take(choice):
                    yield event
    raise Truncated("The server ended the stream without its end.")


def _error(connection: Connection, response: "httpx.Response", status: int, words: str) -> SteerError:
    safe = presentable(words, response.request.headers) if words else None
    return connection.explain(Refusal(origin_of(response.url), status, safe))
