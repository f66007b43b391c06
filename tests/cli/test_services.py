"""The command line on an engine that is a service, over a real socket."""

import asyncio
import json

import pytest
from cli.service import BRIDGE, KEY, MODEL, SOURCE, broken, limited, routes, unauthorized
from engines.inference_server.box import Box
from loopback import Loopback

RUN = ("run", "--engine", "neuronpedia", "--prompt", "The most iconic structure is")
PUBLIC = "steer-tui: Neuronpedia stores every finished generation"
LINK = "steer-tui: It can be read at https://www.neuronpedia.org/steer/abc\n"


@pytest.fixture
def ask(steer_here):
    """Runs a command line beside a server of this test's own loop."""

    async def run(*arguments):
        return await asyncio.to_thread(steer_here, *arguments)

    return run


def strengths(server):
    return [call.json["features"][0]["strength"] for call in server.calls if call.path == "/api/steer"]


async def test_both_lanes_come_of_one_request_each_under_its_heading(ask):
    async with Loopback(routes()) as server:
        done = await ask(*RUN, "--url", server.url, "--lane", "both", "--dial", f"{BRIDGE}=5")
    assert (done.returncode, done.stdout) == (0, "── steered ──\n the Golden Gate\n\n── default ──\n a tower.\n")
    assert strengths(server) == [40.0]
    public, link = done.stderr.splitlines(keepends=True)
    assert public.startswith(PUBLIC)
    assert link == LINK


@pytest.mark.parametrize(("lane", "text"), [("steered", " the Golden Gate\n"), ("default", " a tower.\n")])
async def test_one_lane_alone_is_the_text_alone(ask, lane, text):
    async with Loopback(routes()) as server:
        assert (await ask(*RUN, "--url", server.url, "--lane", lane, "--dial", f"{BRIDGE}=5")).stdout == text


async def test_json_has_the_events_of_both_lanes_and_nothing_else(ask):
    async with Loopback(routes()) as server:
        done = await ask(*RUN, "--url", server.url, "--lane", "both", "--json", "--dial", f"{BRIDGE}=5")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    texts = {"steered": "", "default": ""}
    for event in events:
        texts[event["data"]["lane"]] += event["data"].get("token", "")
    assert (done.returncode, texts) == (0, {"steered": " the Golden Gate", "default": " a tower."})
    assert sorted(event["data"]["lane"] for event in events if event["event"] == "done") == ["default", "steered"]
    assert done.stderr.count(PUBLIC) == 1


@pytest.mark.parametrize(
    ("written", "strength"),
    [
        ((f"{BRIDGE}=-2.5",), -20.0),
        ((f"{SOURCE}/3124=1",), 8.0),
        ((f"https://www.neuronpedia.org/{BRIDGE}?embed=true=6",), 48.0),
        ((f"https://www.neuronpedia.org/{BRIDGE}#x=6",), 48.0),
        ((f"{BRIDGE}=0",), 0.0),
        ((f"{BRIDGE}=240", "--raw"), 240.0),
        ((f"{BRIDGE}=-4", "--raw"), -4.0),
    ],
)
async def test_a_dial_names_a_feature_in_full_without_its_model_or_by_its_page_and_may_be_raw(ask, written, strength):
    async with Loopback(routes()) as server:
        done = await ask(*RUN, "--url", server.url, "--dial", *written)
    assert (done.returncode, done.stdout) == (0, " the Golden Gate\n")
    assert strengths(server) == [strength]


async def test_a_rate_limit_ends_with_4_and_tells_the_seconds(ask):
    async with Loopback(routes(steer=limited)) as server:
        done = await ask(*RUN, "--url", server.url, "--dial", f"{BRIDGE}=5", "--lane", "both", "--json")
    assert done.returncode == 4
    assert "Try again in 12 seconds.\n" in done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert (last["event"], last["data"]["code"], last["data"]["retryAfter"]) == ("error", "rate_limited", 12)


async def test_a_rate_limit_that_names_no_time_is_waited_out_for_a_minute(ask):
    async def nameless(call):
        await call.answer_json({"message": "Too many requests."}, 429)

    async with Loopback(routes(steer=nameless)) as server:
        done = await ask(*RUN, "--url", server.url, "--dial", f"{BRIDGE}=5")
    assert done.returncode == 4
    assert done.stderr.endswith("Try again in 60 seconds.\n")


async def test_a_run_without_a_dial_says_that_the_service_needs_one(ask):
    async with Loopback(routes()) as server:
        for flags in ([], ["--json"]):
            done = await ask(*RUN, "--url", server.url, *flags)
            assert done.returncode == 1
            assert "Add a dial" in done.stderr
    assert server.calls == []


async def test_the_config_chooses_engine_model_and_address(ask, steer_here):
    async with Loopback(routes()) as server:
        steer_here.write_own(f"engine = 'neuronpedia'\n[neuronpedia]\nurl = '{server.url}'\nmodel = 'other'\n")
        await ask("run", "--prompt", "x", "--model", MODEL, "--engine", "neuronpedia", "--dial", f"{BRIDGE}=1")
        done = await ask("run", "--prompt", "x", "--dial", f"{BRIDGE}=1")
    assert {call.json["modelId"] for call in server.calls if call.path == "/api/steer"} == {MODEL}
    assert done.returncode == 1
    assert "other" in done.stderr


async def test_an_inference_server_is_asked_for_each_lane(ask):
    box = Box()
    async with box.server as server:
        line = ("--engine", "inference-server", "--url", server.url, "--prompt", "x", "--lane", "both")
        done = await ask("run", *line, "--dial", "gpt2-small/6-res-jb/7=1")
        lines = await ask("run", *line, "--dial", "gpt2-small/6-res-jb/7=1", "--json")
        listed = await ask("features", "--engine", "inference-server", "--url", server.url)
    told = [json.loads(line) for line in lines.stdout.splitlines()]
    tokens = [row["data"] for row in told if row["event"] == "token"]
    for lane, text in ("steered", " the sea is deep"), ("default", " a dog"):
        assert "".join(token["token"] for token in tokens if token["lane"] == lane) == text
    assert [row["data"]["lane"] for row in told if row["event"] == "done"] == ["steered", "default"]
    assert (done.returncode, done.stdout) == (0, "── steered ──\n the sea is deep\n\n── default ──\n a dog\n")
    assert [body["types"] for body in box.steered()] == [["STEERED"], ["DEFAULT"]] * 2
    assert (listed.returncode, listed.stdout) == (0, "")
    assert "lists no features by itself: name one as model/source/index." in listed.stderr


SWEEP = ("sweep", "--engine", "neuronpedia", "--feature", BRIDGE, "--prompt", "The weather", "--samples", "1")


async def test_a_sweep_tells_how_many_requests_it_takes_and_takes_no_more(ask):
    async with Loopback(routes()) as server:
        done = await ask(*SWEEP, "--values=-6:6:6", "--url", server.url, "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["value"] for row in rows] == [-6, 0, 6]
    assert done.returncode == 0
    assert "The sweep takes 3 requests of the service." in done.stderr
    assert strengths(server) == [0.0, -48.0, 48.0]


async def test_a_sweep_that_the_quota_is_too_small_for_makes_no_request(ask):
    async with Loopback(routes()) as server:
        done = await ask(*SWEEP, "--values=-10:10:0.2", "--samples", "3", "--url", server.url)
    assert done.returncode == 1
    assert "takes 303 requests, and 240 are left. Sweep fewer values, prompts or samples." in done.stderr
    assert strengths(server) == []


# Keys


@pytest.mark.parametrize("answer", [unauthorized, limited, broken, None], ids=["401", "429", "500", "nobody"])
async def test_the_key_goes_to_the_configured_address_and_into_no_output_and_no_log(ask, steer_here, tmp_path, answer):
    log = tmp_path / "debug.log"
    steer_here.set("NEURONPEDIA_API_KEY", KEY)
    server = Loopback(routes(steer=answer, model=answer, presets=answer) if answer else routes())
    async with server:
        steer_here.set("STEER_TUI_NEURONPEDIA__URL", server.url if answer else "http://127.0.0.1:1")
        said = ""
        for line in (
            (*RUN, "--dial", f"{BRIDGE}=5"),
            (*RUN, "--dial", f"{BRIDGE}=5", "--json"),
            ("presets", "--engine", "neuronpedia"),
            ("doctor", "--engine", "neuronpedia"),
        ):
            done = await ask(*line, "--log", str(log))
            assert done.returncode in (1, 4)
            said += done.stdout + done.stderr
    assert KEY not in said + log.read_text()
    assert "Traceback" in log.read_text()
    assert {call.headers.get("x-api-key") for call in server.calls} == ({KEY} if answer else set())


async def test_a_key_is_not_sent_to_an_address_that_only_a_flag_names(ask, steer_here):
    steer_here.set("NEURONPEDIA_API_KEY", KEY)
    async with Loopback(routes()) as server:
        done = await ask(*RUN, "--url", server.url, "--dial", f"{BRIDGE}=5")
    assert done.returncode == 0
    assert all("x-api-key" not in call.headers for call in server.calls)
    assert done.stderr.startswith(
        f"steer-tui: The key is for https://www.neuronpedia.org and is not sent to {server.url}; "
    )
    assert KEY not in done.stderr


async def test_a_command_for_the_key_that_fails_is_told_before_anything_is_sent(ask, steer_here):
    async with Loopback(routes()) as server:
        steer_here.write_own(f"[neuronpedia]\nurl = '{server.url}'\nkey_command = ['false']\n")
        done = await ask(*RUN, "--dial", f"{BRIDGE}=5")
    assert (done.returncode, server.calls) == (2, [])
    assert f"{steer_here.own}, line 3: neuronpedia.key_command: the command ended with 1" in done.stderr


# Features, models, presets

FEATURES = ("features", "--engine", "neuronpedia")


async def test_a_search_shows_a_page_and_where_the_next_one_begins(ask):
    async with Loopback(routes()) as server:
        first = await ask(*FEATURES, "bridges", "--url", server.url)
        second = await ask(*FEATURES, "bridges", "--url", server.url, "--offset", "2")
        three = await ask(*FEATURES, "bridges", "--url", server.url, "--limit", "3")
    ids = [[word for word in line.split() if word.startswith(MODEL)] for line in first.stdout.splitlines()]
    assert ids == [[f"{MODEL}/{SOURCE}/0"], [f"{MODEL}/{SOURCE}/1"]]
    assert first.stderr == "steer-tui: More with --offset 2.\n"
    assert [line.split()[1] for line in second.stdout.splitlines()] == ["2", "3"]
    assert second.stderr == ""
    assert len(three.stdout.splitlines()) == 3
    assert "More with --offset 3." in three.stderr


async def test_a_limit_is_cut_from_whole_pages_and_a_feature_on_two_of_them_is_printed_once(ask):
    async def overlapping(call):
        offset = call.json["offset"]
        told = [
            {"modelId": MODEL, "layer": SOURCE, "index": str(index), "description": f"bridges {index}"}
            for index in (offset - 1 if offset else 0, offset + 1)
        ]
        await call.answer_json({"results": told, "hasMore": offset < 4, "nextOffset": offset + 2})

    async with Loopback(routes(search=overlapping)) as server:
        pieces = [
            await ask(*FEATURES, "bridges", "--url", server.url, "--limit", "1", "--offset", str(offset))
            for offset in range(5)
        ]
        asked = [call.json["offset"] for call in server.calls if call.path.endswith("search-model")]
    ids = [piece.stdout.split()[3].rpartition("/")[2] for piece in pieces[:4]]
    assert ids == ["0", "1", "3", "5"]
    assert [piece.stderr.rpartition("More with ")[2] for piece in pieces[:3]] == [f"--offset {n}.\n" for n in (1, 2, 3)]
    assert "More" not in pieces[3].stderr
    assert pieces[4].stdout == ""
    assert asked == [0, 2, 4]


async def test_what_comes_from_disk_is_told_with_its_age(ask):
    async with Loopback(routes()) as server:
        fresh = await ask(*FEATURES, "bridges", "--url", server.url, "--json")
        url = server.url
    kept = await ask(*FEATURES, "bridges", "--url", url, "--json")
    assert [json.loads(line)["ageSeconds"] for line in fresh.stdout.splitlines()] == [None, None]
    assert kept.returncode == 0
    assert all(json.loads(line)["ageSeconds"] >= 0 for line in kept.stdout.splitlines())
    assert "seconds old: it comes from disk." in kept.stderr


async def test_a_feature_that_is_named_shows_where_it_fires(ask):
    async with Loopback(routes()) as server:
        for query in (BRIDGE, f"https://www.neuronpedia.org/{BRIDGE}"):
            done = await ask(*FEATURES, query, "--url", server.url)
            assert done.returncode == 0
            assert "the «Bridge»" in done.stdout
        done = await ask(*FEATURES, f"{server.url}/{BRIDGE}", "--url", server.url)
        assert "the «Bridge»" in done.stdout
        line = await ask(*FEATURES, BRIDGE, "--url", server.url, "--json")
    assert json.loads(line.stdout)["contexts"] == [{"tokens": [" the", " Bridge"], "activations": [0.0, 40.0]}]


async def test_models_are_listed_with_whether_they_can_be_steered_and_of_one_its_sources(ask):
    async with Loopback(routes()) as server:
        listed = await ask("models", "--engine", "neuronpedia", "--url", server.url)
        sources = await ask("models", MODEL, "--engine", "neuronpedia", "--url", server.url)
        lines = await ask("models", "--engine", "neuronpedia", "--url", server.url, "--json")
        unknown = await ask("models", "nope", "--engine", "neuronpedia", "--url", server.url)
    first, second = listed.stdout.splitlines()
    assert first.split("  ")[:2] == [MODEL, "can be steered"]
    assert "1 of 2 sources" in first
    assert "shown only" in second
    rows = [line.split(maxsplit=1) for line in sources.stdout.splitlines()]
    assert rows == [[f"{MODEL}/{SOURCE}", "can be steered"], [f"{MODEL}/0-other", "shown only"]]
    one = json.loads(lines.stdout.splitlines()[0])
    assert (one["id"], one["canSteer"], one["layers"]) == (MODEL, True, 26)
    assert one["sources"] == [{"id": SOURCE, "canSteer": True}, {"id": "0-other", "canSteer": False}]
    assert (unknown.returncode, unknown.stdout) == (1, "")


async def test_presets_are_listed_with_dials_as_the_command_line_takes_them(ask):
    async with Loopback(routes()) as server:
        listed = await ask("presets", "--engine", "neuronpedia", "--url", server.url)
        lines = await ask("presets", "--engine", "neuronpedia", "--url", server.url, "--json")
    assert listed.stdout.splitlines()[0] == "Bridge mode"
    assert f"  {BRIDGE}=5  bridges 3124" in listed.stdout.splitlines()
    assert listed.stderr.startswith("steer-tui: The first look at a model's presets costs one steering request")
    assert lines.stderr == ""
    dial = {"id": BRIDGE, "label": "bridges 3124", "value": 5.0}
    told = {"name": "Bridge mode", "prompt": None, "method": "additive", "dials": [dial]}
    assert json.loads(lines.stdout) == told


async def test_a_preset_beyond_a_dial_s_ends_is_told_as_raw_strengths_and_another_method_by_its_name(ask):
    def preset(name, *strengths, **told):
        named = [{"modelId": MODEL, "layer": SOURCE, "index": 3124 + n, "strength": x} for n, x in enumerate(strengths)]
        return {"name": name, "features": named, **told}

    async def strong(call):
        rows = [preset("Strong", 200.0, 8.0), preset("Gone", 0.0, steerMethod="ORTHOGONAL_DECOMP")]
        await call.answer_json({"model": MODEL, "featurePresets": rows})

    async with Loopback(routes(presets=strong)) as server:
        listed = await ask("presets", "--engine", "neuronpedia", "--url", server.url)
        lines = await ask("presets", "--engine", "neuronpedia", "--url", server.url, "--json")
        heading, first, second, _, other, gone = listed.stdout.splitlines()
        done = await ask(*RUN, "--url", server.url, "--raw", "--dial", first.split()[0])
    assert (heading, other) == ("Strong (with --raw)", "Gone (orthogonal)")
    assert [line.split()[0] for line in (first, second, gone)] == [
        f"{BRIDGE}=200",
        f"{MODEL}/{SOURCE}/3125=8",
        f"{BRIDGE}=10",
    ]
    assert [json.loads(line)["method"] for line in lines.stdout.splitlines()] == ["additive", "orthogonal"]
    assert (done.returncode, strengths(server)) == (0, [200.0])


async def test_a_dial_that_the_service_does_not_find_says_how_to_search(ask):
    async def nothing(call):
        await call.answer_json({"results": [], "hasMore": False})

    async with Loopback(routes(search=nothing)) as server:
        done = await ask(*RUN, "--url", server.url, "--dial", "nonesuch=4")
    assert done.returncode == 2
    assert "`steer-tui features --engine neuronpedia WORDS` searches them." in done.stderr


@pytest.mark.parametrize("command", ["models", "presets"])
async def test_what_a_service_says_is_safe_to_draw_behind_a_pipe_too(ask, command):
    async def hostile(call):
        name, id = "evil\x1b[2J\nname", "evil\x1b]0;title\x07"
        presets = [{"name": name, "prompt": f"{name}\u202e"}]
        models = [{"id": id, "displayName": name}]
        await call.answer_json({"model": MODEL, "promptPresets": presets} if command == "presets" else models)

    async with Loopback(routes(**{command.removesuffix("s"): hostile, command: hostile})) as server:
        done = await ask(command, "--engine", "neuronpedia", "--url", server.url)
    assert done.returncode == 0
    assert "evil␛[2J␊name" in done.stdout
    assert done.stdout.replace("\n", "").isprintable()


@pytest.mark.parametrize("command", ["models", "presets"])
async def test_an_engine_that_has_none_of_it_says_so(ask, command):
    done = await ask(command)
    assert (done.returncode, done.stdout) == (1, "")
    assert "--engine neuronpedia" in done.stderr


async def test_a_chat_is_asked_for_by_every_command_that_generates(ask):
    async def chat(call):
        turns = [{"role": "user", "content": "The weather"}, {"role": "model", "content": "It rains."}]
        told = {"chatTemplate": turns, "raw": ""}
        await call.answer_json({"STEERED": told, "DEFAULT": told, "id": "abc", "shareUrl": None, "limit": "230"})

    async def instruct(call):
        await call.answer_json({"id": MODEL, "displayName": "x", "inferenceEnabled": True, "instruct": True})

    async with Loopback(routes(model=instruct) | {"POST /api/steer-chat": chat}) as server:
        ran = await ask(*RUN, "--url", server.url, "--dial", f"{BRIDGE}=5", "--chat")
        swept = await ask(*SWEEP, "--values=0:6:6", "--url", server.url, "--chat", "--csv")
    assert (ran.returncode, ran.stdout) == (0, "It rains.\n")
    assert swept.returncode == 0
    assert len([call for call in server.calls if call.path == "/api/steer-chat"]) == 3
    assert strengths(server) == []
