"""One lane as one request: its frames become events, and an end without a text becomes an error."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from steer_tui.domain import Event, GenerationRequest, Lane, Malformed, SteerError, Truncated
from steer_tui.engines.inference_server.answers import ChatFrame, CompletionFrame, Snapshot
from steer_tui.engines.inference_server.connection import Connection
from steer_tui.engines.inference_server.lane_text import LaneText
from steer_tui.wire import JsonObject, parse_object, read_answer, read_events

FRAME_BYTES_MAX = 4 * 1024 * 1024
"""The largest frame that is taken: a whole conversation fits in many times."""


@dataclass(frozen=True, slots=True)
class LaneRequest:
    """What is asked for one lane."""

    lane: Lane
    request: GenerationRequest
    body: JsonObject
    budget: int
    """How many tokens the server has room to write."""

    @property
    def path(self) -> str:
        """Where it is asked."""
        return "/v1/steer/completion-chat" if self.request.chat else "/v1/steer/completion"


async def stream_lane(connection: Connection, asked: LaneRequest) -> AsyncGenerator[Event, None]:
    """The events of one lane; that a stream is left before its end is made known to the connection."""
    prompt = "" if asked.request.chat else asked.request.prompt
    text = LaneText(asked.lane, asked.request.sampling.stop, prompt)
    has_ended = False
    try:
        async with connection.stream(asked.path, asked.body) as response:
            async with aclosing(read_events(response, FRAME_BYTES_MAX)) as frames:
                async for frame in frames:
                    for event in text.take(_snapshot(frame.data, asked)):
                        yield event
                    if text.is_done:
                        return
            has_ended = True
    except SteerError as error:
        has_ended = not isinstance(error, Truncated | Malformed)
        if error.passing:
            connection.forget()
        raise
    finally:
        if not has_ended:
            connection.give_up()
    if text.is_empty:
        await _raise_the_reason(connection, asked)
    for event in text.finish(asked.budget):
        yield event


def _snapshot(data: str, asked: LaneRequest) -> Snapshot:
    frame, kind = parse_object(data), asked.body["types"][0]
    read = read_answer(ChatFrame, frame) if asked.request.chat else read_answer(CompletionFrame, frame)
    snapshot = read.snapshot(kind)
    if snapshot is None:
        raise Malformed(f"The server sent a frame without the {asked.lane.value} text that was asked for.")
    return snapshot


async def _raise_the_reason(connection: Connection, asked: LaneRequest) -> None:
    """Raise why a stream ended without a text: it hides the reason, which an answer in one piece has as its status."""
    await connection.post(asked.path, {**asked.body, "stream": False, "n_completion_tokens": 1})
    raise Truncated("The server ended the stream before any text, and says nothing of the reason.")
