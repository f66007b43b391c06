"""Which pages and which names may ask, and what a client may make the server look at."""

import pytest
from scripted_engine import ScriptedEngine
from server.talking import TOKEN, asked, bearer, gateway, names_of, text_of

from steer_tui.domain import ActivationEvent, DoneEvent, Feature, FeatureActivation, FinishReason, Lane, TokenEvent
from steer_tui.domain.public_names import public_name
from steer_tui.engines import EngineInfo

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


async def test_a_named_proxy_on_this_machine_lets_no_other_name_in_but_that_of_a_named_origin():
    async with gateway(ScriptedEngine(), trusted_proxies=("127.0.0.1",), origins=(LAB,)) as there:
        hosts = [(await there.get("/api/info", Host=host)).status_code for host in ("evil.example", "lab.example")]
    assert hosts == [403, 200]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://127.0.0.1:{port}"}, 200),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[::1"}, 403),
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
        elsewhere = await there.client.options(
            "/api/generate", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        )
        answer = await there.post(asked(), Origin=LAB, **bearer(TOKEN))
        refused = await there.post(asked(), Origin=LAB)
        foreign = await there.post(asked(), Origin="https://evil.example", **bearer(TOKEN))
    assert preflight.status_code == 200
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "forbidden")
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
    assert told["id"] == "angry.gguf@12"
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
        assert set(engine.asked) == {""}


async def test_no_folder_is_told_in_a_label_a_hint_or_a_reading_and_twins_keep_their_ids():
    files = [("/home/lab/y/sea.npz", "sea (y/sea.npz)"), ("/home/lab/x/sea.npz", "sea")]
    told, dialled = [], []
    for offered in (files, files[::-1]):  # as of two processes
        engine = OfFiles()
        engine._features = tuple(Feature(path, label, 2.0) for path, label in offered)
        async with gateway(engine) as there:
            body = asked(features=[{"id": "sea.npz (2)", "value": 1}], returnActivations=True)
            answers = [
                await there.post(body),  # before anything was listed
                await there.get("/api/features"),
                await there.post(asked(features=[{"label": "home lab sea npz", "value": 1}])),
                await there.post(asked(features=[{"label": "sea (sea.npz)", "value": 0}] * 2)),
            ]
        told.append(sorted((one["id"], one["label"]) for one in answers[1].json()["features"]))
        dialled += [request.vector.dials[0].feature.id for request in engine.requests]
        assert [answer.status_code for answer in answers] == [200, 200, 422, 422]
        assert answers[2].json()["hint"] == "GET /api/features lists them."
        assert not any(word in answer.text for answer in answers for word in ("lab/", "x/", "y/"))
    assert told == [[("sea.npz", "sea"), ("sea.npz (2)", "sea (sea.npz)")]] * 2
    assert dialled == ["/home/lab/y/sea.npz"] * 2


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
    [
        ("/home/lab/models/tiny", "tiny"),
        ("~/models/tiny/", "tiny"),
        ("openai-community/gpt2", "openai-community/gpt2"),
        ("random-3/stories-2M/2-sae/3", "random-3/stories-2M/2-sae/3"),
        ("random-3//home/a/x.gguf", "random-3/x.gguf"),
    ],
)
def test_what_lies_in_a_folder_is_told_by_its_own_name(name, told):
    assert public_name(name) == told
