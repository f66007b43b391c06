"""The gateway: a small server in front of any engine, for terminals, scripts and browsers, over Server-Sent Events.

What is asked and answered (JSON in camelCase; every answer carries RateLimit-Limit, -Remaining, -Reset and -Policy):

    POST /api/generate            {"prompt", "steeringVector": {"features": [{"id" | "label", "value"}], "method"},
                                  "options": {"maxTokens", "temperature", "seed", "stop", "lanes", "returnActivations",
                                  "chat", "resume"}}; everything but the prompt has a default
    GET  /api/generate?prompt=    the same for an EventSource: &dial=LABEL=VALUE and &stop= and &lanes= as often as
                                  wanted, &method=, &maxTokens=, ...; &token= where one is needed
    DELETE /api/generate/{run}    goodbye: what is generated is cancelled at once, and the run forgotten (204, or 404)
    POST /api/generate/{run}/dials   {"steeringVector"} acts from the next token on: {"index": 12 | null}
    GET  /api/features?q=&offset=&limit=   {"features": [objects as `steer-tui features --json`], "nextOffset"}
    GET  /api/info, GET /health, GET /openapi.json, POST /api/token -> {"token", "expiresIn"}

A feature of value 0 is off; it is watched with the others, of which the first 16 are, where `returnActivations` is set.

A generation answers 200 with `text/event-stream`, and the headers `Steer-Run` (the run's name) and `Queue-Length` (how
many generations wait for their turn, this one included; 0 where it has begun). The body begins with `id: RUN:0` alone,
which is the place before the first event; then each event as

    id: RUN:1
    event: token | activation | rewind | done | error
    data: {...}

The body ends behind the last lane's `done`, or behind the `error` that ends the generation. An engine's failure is such
an event, also before the first token. Codes of our own: `unreachable` when the server ends; `out_of_time` when the
server's time for a generation is over, so that another attempt is given no more; `cancelled` when its client has said
goodbye elsewhere.

`Last-Event-ID: RUN:n`, on GET or POST (whose body is then not looked at), goes on behind event n, also while another
reader is there: 200 as above; 204 where nothing comes behind n any more; 410 with code `gone` where the run is not
known (any more), is another client's, or had resume turned off and something comes behind n.

Every refusal is {"error": sentence, "code": snake case, "hint"?, "retryAfter"?}: 400 malformed, 401 unauthorized,
403 forbidden, 404 and 405, 408 timed_out, 410 gone, 413 and 415, 422 rejected or not_found (a feature) or unsupported,
429 rate_limited and 503 overloaded with Retry-After, 500 internal, 502 and 504 where the engine did not answer.
"""

from steer_tui.server.serving import serve
from steer_tui.server.settings import ServeSettings

__all__ = ["ServeSettings", "serve"]
