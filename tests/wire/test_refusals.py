"""Answers that refuse, over real sockets: the error by the status, the words by whatever body came with it."""

import json

import pytest
from loopback import Call

from steer_tui.domain import (
    Malformed,
    NotFound,
    Overloaded,
    RateLimited,
    Rejected,
    SteerError,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from steer_tui.wire import Refusal, ask_json, refusal_error


@pytest.fixture
def refused(serve):
    """The error that an answer becomes, whose message must name the server."""

    async def ask_and_fail(body="", status=400, headers=None, keys=None, **options) -> SteerError:
        async def refuse(call: Call) -> None:
            if isinstance(body, str | bytes):
                await call.answer(body, status, "text/html", headers)
            else:
                await call.answer_json(body, status, headers)

        server, client = await serve(refuse, keys)
        with pytest.raises(SteerError) as caught:
            await ask_json(client, "POST", "/asked", body={}, **options)
        assert caught.value.message.startswith(server.url) or options
        caught.value.said = caught.value.message.removeprefix(server.url)
        return caught.value

    return ask_and_fail


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, Unauthorized),
        (402, Rejected),
        (403, Unauthorized),
        (404, NotFound),
        (405, Malformed),
        (408, TimedOut),
        (410, NotFound),
        (413, Rejected),
        (415, Malformed),
        (422, Rejected),
        (429, RateLimited),
        (500, Rejected),
        (501, Malformed),
        (502, Unreachable),
        (503, Overloaded),
        (504, TimedOut),
        (507, Rejected),
        (304, Malformed),
        (301, Malformed),
    ],
)
async def test_the_status_decides_the_error(refused, status: int, kind: type[SteerError]) -> None:
    error = await refused("", status)
    assert type(error) is kind
    assert error.retry_after is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message": "n_tokens must be less than or equal to 256"}, "n_tokens must be less than or equal to 256"),
        ({"error": "Text too long: 962 tokens, max is 200"}, "Text too long: 962 tokens, max is 200"),
        ({"error": "short", "message": "the message first"}, "the message first"),
        ({"error": {"message": "no such model", "type": "NotFoundError", "code": 404}}, "no such model"),
        ({"object": "error", "message": "too long"}, "too long"),
        ({"detail": "the vector has 3 numbers, the model 4"}, "the vector has 3 numbers, the model 4"),
        (
            {"detail": [{"type": "missing", "loc": ["body", "steerMethod"], "msg": "Field required"}]},
            "steerMethod: Field required",
        ),
        ({"detail": [{"loc": ["body", "features", 0, "index"], "msg": "no int"}, {}]}, "features.0.index: no int"),
        ({"detail": [{"loc": ["body"], "msg": "no JSON"}]}, "no JSON"),
        ({"status": "failed", "error": "CUDA out of memory"}, "CUDA out of memory"),
        ({"message": None, "error": True, "detail": "found"}, "found"),
        ("\x7f".join(["a", "b"]), None),
        ({"message": "two\n  lines"}, "two lines"),
        ({"message": "\x1b[2Jgone \u202eback"}, "␛[2Jgone �back"),
        ({"message": "x" * 1000}, "x" * 299 + "…"),
    ],
)
async def test_a_refusal_holds_the_servers_own_words(refused, body: object, words: str | None) -> None:
    error = await refused(body, 422)
    assert error.said == (f" refused the request: {words}" if words else " refused the request (HTTP 422).")


@pytest.mark.parametrize(
    "body",
    ["", "<html><body>502</body></html>", "{", "[]", "{}", '{"detail": []}', "[" * 60_000, '"\\ud83d', "null"],
)
async def test_a_body_without_words_leaves_the_status(refused, body: str) -> None:
    assert (await refused(body, 500)).said == " failed on the request (HTTP 500)."


async def test_plain_text_is_words(serve) -> None:
    _, client = await serve(lambda call: call.answer("Internal Server Error", 500, "text/plain; charset=utf-8"))
    with pytest.raises(Rejected, match="failed on the request: Internal Server Error"):
        await ask_json(client, "GET", "/asked")


async def test_a_refusal_without_an_end_is_read_to_a_bound(serve) -> None:
    async def endless(call: Call) -> None:
        await call.start(404, "text/html")
        while True:
            await call.chunk(b"<br>" * 1000)

    server, client = await serve(endless)
    with pytest.raises(NotFound):
        await ask_json(client, "GET", "/asked")
    await server.calls[0].gone.wait()


async def test_a_refusal_that_is_cut_is_still_a_refusal(serve) -> None:
    async def break_off(call: Call) -> None:
        await call.start(404, "application/json")
        await call.chunk(b'{"message": "the mod')
        await call.cut()

    _, client = await serve(break_off)
    with pytest.raises(NotFound):
        await ask_json(client, "GET", "/asked")


@pytest.mark.parametrize("name", ["x-api-key", "X-SECRET-KEY", "Authorization"])
async def test_a_key_that_the_server_repeats_is_not_shown(refused, name: str) -> None:
    value = "Bearer sk-s3cret" if name == "Authorization" else "sk-s3cret"
    error = await refused({"error": {"message": "Incorrect API key: sk-s3cret."}}, 401, keys={name: value})
    assert error.said == " wants an API key, or another one: Incorrect API key: …."


@pytest.mark.parametrize("name", ["x-api-key", "Authorization"])
async def test_a_key_of_several_words_is_not_shown_by_any_of_them(refused, name: str) -> None:
    error = await refused({"message": "No key Basic open sesame here."}, 401, keys={name: "Basic open sesame"})
    assert error.said == " wants an API key, or another one: No key … here."


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("headers", "body"),
    [({"Retry-After": "12"}, ""), ({}, {"error": "wait", "retryAfter": 12}), ({"RateLimit-Reset": "12"}, "")],
    ids=["header", "body", "the window's end"],
)
async def test_the_time_to_wait_is_kept(refused, status: int, headers: dict[str, str], body: object) -> None:
    assert (await refused(body, status, headers)).retry_after == 12.0


async def test_a_date_to_wait_for_is_on_the_servers_clock(refused) -> None:
    headers = {"Retry-After": "Mon, 21 Sep 2026 14:13:50 GMT", "Date": "Mon, 21 Sep 2026 14:13:20 GMT"}
    assert (await refused("", 429, headers)).retry_after == 30.0


async def test_neuronpedias_limit_is_told_in_a_sentence(refused) -> None:
    error = await refused({"endpoint": "/api/steer", "limitPerWindow": 240, "requestWindow": "60 m", "error": "…"}, 429)
    assert error.said == " allows 240 requests to /api/steer in 1 hour, and no more for now."
    assert error.retry_after is None


async def test_a_limit_that_says_nothing_of_itself(refused) -> None:
    assert (await refused("", 429)).said == " takes no more requests for now."


async def test_an_engine_may_know_better(refused) -> None:
    def explain(refusal: Refusal) -> SteerError:
        if refusal.status == 500 and "out of bounds" in (refusal.words or ""):
            return NotFound("There is no such feature.")
        return refusal_error(refusal)

    body = {"error": "index 99999 is out of bounds for dimension 0 with size 256", "type": "IndexError"}
    assert (await refused(body, 500, explain=explain)).message == "There is no such feature."
    assert isinstance(await refused(json.loads("{}"), 503, explain=explain), Overloaded)


async def test_a_code_and_a_hint_are_read_where_there_are_any_and_hide_the_key(refused) -> None:
    seen: list[Refusal] = []

    def explain(refusal: Refusal) -> SteerError:
        seen.append(refusal)
        return refusal_error(refusal)

    told = {"error": "No.", "code": "not_found", "hint": "Not with\x1b the-key."}
    await refused(told, 422, keys={"X-Api-Key": "the-key"}, explain=explain)
    await refused({"error": "No.", "code": 7, "hint": ["x"]}, 422, explain=explain)
    assert [(one.code, one.hint) for one in seen] == [("not_found", "Not with\u241b …."), (None, None)]
