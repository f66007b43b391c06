"""The events of one steering request, streamed where the service streams, and replayed where it answers at once."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx

from steer_tui.domain import Event, Truncated, Unreachable
from steer_tui.engines.neuronpedia.answers import Answer
from steer_tui.engines.neuronpedia.reader import AnswerReader
from steer_tui.engines.neuronpedia.refusals import explain_stream
from steer_tui.engines.neuronpedia.service import Service, may_hide_a_reason
from steer_tui.engines.neuronpedia.steering import Steering
from steer_tui.wire import EVENT_STREAM, JSON, media_type, read_events, read_json


async def steered_events(service: Service, steering: Steering, replay_pace: float) -> AsyncGenerator[Event, None]:
    """The events of the lanes that are wanted.

    A stream that is dropped, or fails without a word, before its first frame hides why; the same is asked once more in
    one piece, which the service either refuses in words, or answers. A replay gives each lane a token every
    `replay_pace` seconds.
    """
    reader = AnswerReader(steering, service.presentable)
    try:
        async with service.steer(
            steering.path, steering.streamed, EVENT_STREAM, JSON, explain=explain_stream
        ) as response:
            if media_type(response) == JSON:
                whole = await _read_whole(service, reader, response)
            else:
                async with aclosing(_stream(service, reader, response)) as events:
                    async for event in events:
                        yield event
                return
    except (Unreachable, Truncated) as lost:
        if reader.has_begun or not may_hide_a_reason(lost):
            raise
        async with service.steer(steering.path, steering.whole, JSON) as response:
            whole = await _read_whole(service, reader, response)
    async with aclosing(_replay(reader, whole, replay_pace)) as events:
        async for event in events:
            yield event


async def _stream(service: Service, reader: AnswerReader, response: httpx.Response) -> AsyncGenerator[Event, None]:
    async with aclosing(read_events(response)) as frames:
        async for frame in frames:
            answer = reader.read(frame.data)
            service.note(answer, response.headers)
            for event in reader.take(answer):
                yield event
            if reader.is_finished:
                return
    for event in reader.end():
        yield event


async def _replay(reader: AnswerReader, answer: Answer, pace: float) -> AsyncGenerator[Event, None]:
    for place, together in enumerate(reader.take_whole(answer)):
        if place and pace > 0:
            await asyncio.sleep(pace)
        for event in together:
            yield event


async def _read_whole(service: Service, reader: AnswerReader, response: httpx.Response) -> Answer:
    answer = reader.of_json(await read_json(response))
    service.note(answer, response.headers)
    return answer
