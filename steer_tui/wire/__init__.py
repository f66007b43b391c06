"""What the engines that are HTTP servers share: the client, the parsers of streams, and errors in our own words.

Importing it loads httpx, so that an engine imports it when it is opened, and never before.
"""

from steer_tui.wire.answers import Answer, not_the_protocol, read_answer
from steer_tui.wire.asking import EVENT_STREAM, JSON, NDJSON, ask, ask_json, read_events, read_json, read_lines
from steer_tui.wire.bodies import BODY_BYTES_MAX, media_type, read_body
from steer_tui.wire.client import CONNECT_SECONDS, connect
from steer_tui.wire.json_values import JsonObject, parse_json, parse_object
from steer_tui.wire.lasting_client import LastingClient
from steer_tui.wire.ndjson import LINE_BYTES_MAX, NdjsonParser
from steer_tui.wire.rate_limit import RateLimit, read_rate_limit
from steer_tui.wire.refusals import Explain, Refusal, presentable, refusal_error
from steer_tui.wire.sse import EVENT_BYTES_MAX, ServerSentEvent, SseParser

__all__ = [
    "BODY_BYTES_MAX",
    "CONNECT_SECONDS",
    "EVENT_BYTES_MAX",
    "EVENT_STREAM",
    "JSON",
    "LINE_BYTES_MAX",
    "NDJSON",
    "Answer",
    "Explain",
    "JsonObject",
    "LastingClient",
    "NdjsonParser",
    "RateLimit",
    "Refusal",
    "ServerSentEvent",
    "SseParser",
    "ask",
    "ask_json",
    "connect",
    "media_type",
    "not_the_protocol",
    "parse_json",
    "parse_object",
    "presentable",
    "read_answer",
    "read_body",
    "read_events",
    "read_json",
    "read_lines",
    "read_rate_limit",
    "refusal_error",
]
