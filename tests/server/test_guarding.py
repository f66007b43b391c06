"""Which pages and which names may ask, and what a client may make the server look at."""

import pytest
from scripted_engine import ScriptedEngine
from server.talking import TOKEN, asked, bearer, gateway, names_of, text_of

from steer_tui.domain import ActivationEvent, DoneEvent, Feature, FeatureActivation, FinishReason, Lane, TokenEvent
from steer_tui.engines import EngineInfo
from steer_tui.server.discretion import public_id, public_model

LAB = "https://lab.example"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:8765", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:8765", 200),
        ("[::1]", 200),
        ("evil.example", 403),
        ("evil.example:8765", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example:8765", 403),
    ],
)
async def test_without_a_token_only_this_machines_names_are_answered(host, status):
    async with gateway(ScriptedEngine()) as there:
        assert (await there.get("/api/info", Host=host)).status_code == status
    async with gateway(ScriptedEngine(), tokens=(TOKEN,)) as there:
        assert (await there.get("/api/info", Host=host, **bearer(TOKEN))).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://127.0.0.1:{port}"}, 200),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_no_foreign_page_begins_a_generation(headers, status):
    engine = ScriptedEngine()
    async with gateway(engine) as there:
        told = {name: value.format(port=there.port) for name, value in headers.items()}
        answer = await there.client.get("/api/generate?prompt=a", headers=told)
    assert answer.status_code == status
    assert len(engine.requests) == (status == 200)
    assert "access-control-allow-origin" not in answer.headers


async def test_a_named_origin_may_ask_and_read():
    async with gateway(ScriptedEngine(), origins=(LAB,), tokens=(TOKEN,)) as there:
        preflight = await there.client.options(
            "/api/generate",
            headers={
                "Origin": LAB,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,content-type,last-event-id",
            },
        )
        answer = await there.post(asked(), Origin=LAB, **bearer(TOKEN))
        refused = await there.post(asked(), Origin=LAB)
        foreign = await there.post(asked(), Origin="https://evil.example", **bearer(TOKEN))
    assert preflight.status_code == 200
    assert answer.headers["access-control-allow-origin"] == LAB
    assert "RateLimit-Remaining" in answer.headers["access-control-expose-headers"]
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, LAB)
    assert (foreign.status_code, "access-control-allow-origin" in foreign.headers) == (403, False)


class OfFiles(ScriptedEngine):
    """Knows one file, and notes what else it is asked to open."""

    def __init__(self):
        self.file = Feature("/home/lab/secret/angry.gguf@12", "angry", 2.0)
        super().__init__(features=[self.file])
        self.info = EngineInfo("interp", "a-model")
        self.asked = []

    async def find_features(self, query, limit=None):
        self.asked.append(query)
        return await super().find_features(query, limit)

    async def stream(self, request):
        self.requests.append(request)
        yield TokenEvent("a", 0, Lane.STEERED)
        read = tuple(FeatureActivation(feature.id, feature.label, 1.0) for feature in request.watched)
        yield ActivationEvent(0, Lane.STEERED, read)
        yield DoneEvent(Lane.STEERED, FinishReason.COMPLETE)


async def test_a_files_feature_is_told_without_its_folder_and_found_by_what_is_told():
    engine = OfFiles()
    async with gateway(engine) as there:
        [told] = (await there.get("/api/features")).json()["features"]
        assert (await there.get("/api/features?q=angr")).json()["features"] == [told]
        for name in ({"id": told["id"]}, {"label": "Angry"}):
            events = await there.generate(asked(features=[{**name, "value": 3}], returnActivations=True))
            assert events[1].data["features"] == [{"id": told["id"], "label": "angry", "activation": 1.0}]
    assert told["id"].endswith("/angry.gguf@12")
    assert "lab" not in told["id"]
    assert [request.vector.dials[0].feature for request in engine.requests] == [engine.file] * 2


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "~/x.gguf", "../x", "x.npz", "a/b", "x#3", "random-3//etc/passwd", "pyproject.toml", "C:\\x"],
)
async def test_no_clients_words_make_the_server_open_a_file(path):
    engine = OfFiles()
    async with gateway(engine) as there:
        answer = await there.post(asked(features=[{"label": path, "value": 1}]))
        listed = await there.client.get("/api/features", params={"q": path})
    assert (answer.status_code, answer.json()["code"]) == (422, "not_found")
    assert listed.json()["features"] == []
    if not path.startswith("C:"):
        assert engine.asked == []


def test_ids_that_are_no_paths_stay():
    for id in ("stories-2M/2-sae/3", "random-3/stories-2M/2-sae/3", "gemma-2-2b/20-gemmascope-res-16k/1"):
        assert public_id(id) == id
    one, other = public_id("random-3//home/a/x.gguf"), public_id("/home/b/x.gguf")
    assert one.startswith("random-3/")
    assert one.endswith("/x.gguf")
    assert other.endswith("/x.gguf")
    assert one.removeprefix("random-3/") != other


async def test_nothing_that_was_asked_or_said_is_logged(caplog):
    caplog.set_level("DEBUG")
    async with gateway(ScriptedEngine(), tokens=(TOKEN,)) as there:
        made = (await there.client.post("/api/token", headers=bearer(TOKEN))).json()["token"]
        events = await there.generate(asked("a private prompt"), **bearer(TOKEN))
        await there.get(f"/api/generate?prompt=private&token={made}")
        await there.get("/api/info", **bearer("a-wrong-token"))
    assert names_of(events)[-1] == "done"
    logged = "\n".join(
        f"{record.name} {record.getMessage()}" for record in caplog.records if "httpx" not in record.name
    )
    for secret in (TOKEN, made, "private", "a-wrong-token", text_of(events)):
        assert secret not in logged


@pytest.mark.parametrize(
    ("name", "told"),
    [("/home/lab/models/tiny", "tiny"), ("~/models/tiny/", "tiny"), ("openai-community/gpt2", "openai-community/gpt2")],
)
def test_a_model_in_a_folder_is_told_by_its_own_name(name, told):
    assert public_model(name) == told
