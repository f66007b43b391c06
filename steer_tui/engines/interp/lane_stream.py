"""One lane as one request: its lines become events, and an end without its line an error."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from steer_tui.domain import Event, FinishReason, GenerationRequest, Lane, Truncated
from steer_tui.engines.interp.activations import LaneActivations
from steer_tui.engines.interp.answers import DoneLine, ErrorLine, StartLine, TokenLine, read_line
from steer_tui.engines.interp.characters import Characters
from steer_tui.engines.interp.connection import Connection
from steer_tui.engines.interp.explaining import stream_error
from steer_tui.engines.interp.lane_text import LaneText
from steer_tui.engines.interp.steering import SteeringBody
from steer_tui.wire import JsonObject, read_lines

LINE_BYTES_MAX = 1024 * 1024

LIVE_STEP = 4
"""Tokens after which their activations are asked for while more come."""

_REASONS = {"eos": FinishReason.COMPLETE, "length": FinishReason.MAX_TOKENS}


@dataclass(frozen=True, slots=True)
class LaneRequest:
    """What is asked for one lane."""

    lane: Lane
    request: GenerationRequest
    prompt: tuple[int, ...]
    steering: SteeringBody
    activations: LaneActivations | None
    """What reads the watched features, or None where there are none."""
    reads_live: bool
    """Whether the server reads while it writes."""

    @property
    def body(self) -> JsonObject:
        """As it travels.

        What the model recommends for sampling does not hold: the settings are the same everywhere, and none of them
        cuts the distribution.
        """
        sampling = self.request.sampling
        return {
            "prompt_token_ids": list(self.prompt),
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_k": 0,
            "top_p": 1.0,
            "presence_penalty": 0.0,
            "seed": sampling.seed,
            "stop_at_eos": True,
            "n_logprobs": 0,
            "stream": True,
            "steer_generated": True,
            "steering": self.steering,
        }


async def stream_lane(
    connection: Connection, asked: LaneRequest, characters: Characters
) -> AsyncGenerator[Event, None]:
    """The events of one lane; leaving it closes the connection and gives up what is read beside it."""
    text = LaneText(asked.lane, asked.request.sampling.stop, characters, chat=asked.request.chat)
    activations = asked.activations
    reason: FinishReason | None = None
    try:
        async with connection.stream("/v1/generate", asked.body) as response:
            async with aclosing(read_lines(response, LINE_BYTES_MAX)) as lines:
                async for line in lines:
                    match read_line(line):
                        case StartLine():
                            continue
                        case TokenLine() as token:
                            for event in text.take(token):
                                yield event
                        case DoneLine(finish=finish):
                            reason = _REASONS[finish]
                        case ErrorLine(detail=detail):
                            raise stream_error(response, detail)
                    if activations is not None and asked.reads_live:
                        for reading in activations.live(text.shown, asked.steering, LIVE_STEP):
                            yield reading
                    reason = text.end or reason
                    if reason is not None:
                        break
            if reason is None:
                raise Truncated("The server ended the stream before the text was done.")
        # Only now is a server free that does one thing at a time.
        for event in text.finish(reason):
            yield event
        if activations is not None:
            for reading in await activations.rest(text.shown, asked.steering):
                yield reading
        yield text.done(reason)
    finally:
        if activations is not None:
            await activations.aclose()
