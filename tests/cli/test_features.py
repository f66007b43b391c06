"""`steer-tui features`, held against an engine that follows a script."""

import json

import pytest
from cli.scripted import ScriptedEngine

from steer_tui.domain import Context, CurvePoint, Evidence, Feature, FeatureKind, Unreachable
from steer_tui.engines import registry

WINTER = Feature(
    "toy/means/0",
    "winter",
    2.0,
    FeatureKind.MEANS,
    max_activation=8.0,
    density=0.0328,
    promoted=(" snow", "\n"),
    suppressed=(" sun",),
)
WINTRY = Feature("toy/1-sae/1", "wintry", 2.0)
EVIDENCE = Evidence(
    contexts=(
        Context((" the", " snow", "man", "\n", "\x1b[1m", " sun"), (0.0, 8.0, 4.0, 0.0, 0.0, 3.0)),
        Context((" a", " cold", " day"), (0.0, 5.0, 0.5)),
        Context((" ice",), (4.0,)),
        Context((" the fourth",), (3.0,)),
    ),
    curve=(CurvePoint(-6.0, 0.0, 0.97, 0.0), CurvePoint(0.0, 0.04, 0.84), CurvePoint(10.0, 1.0, 3.6, 0.125)),
)


class ExplainingEngine(ScriptedEngine):
    """Explains winter, and fails where it is asked about anything else."""

    async def find_features(self, query, limit=None):
        return [WINTER, WINTRY][:limit]

    async def evidence(self, feature):
        if feature is not WINTER:
            raise Unreachable("The server is gone.", hint="Try again later.")
        return EVIDENCE


@pytest.fixture
def explained(steer_here, monkeypatch):
    """`steer-tui` with an engine that explains its features."""
    monkeypatch.setitem(registry._FACTORIES, "builtin", lambda _: ExplainingEngine())
    return steer_here


def test_features_lists_label_kind_id_and_promoted_tokens(scripted_here):
    done = scripted_here("speaks")("features", "se", "--limit", "1")
    assert (done.returncode, done.stdout) == (0, 'Sea  sae  toy/means/sea  " sea" "\\n"\n')


def test_a_label_that_writes_on_the_terminal_is_listed_in_symbols_behind_a_pipe_too(scripted_here):
    done = scripted_here("speaks")("features", "red")
    assert done.stdout == "sea␛[31mred  sae  toy/1-sae/11\n"


def test_the_list_has_a_line_a_feature_with_its_density_where_it_is_known(explained):
    assert explained("features").stdout.splitlines() == [
        'winter  difference of means  3.3 %  toy/means/0  " snow" "\\n"',
        "wintry  sae                         toy/1-sae/1",
    ]


@pytest.mark.parametrize("name", ["Winter ", "toy/means/0"])
def test_the_whole_name_of_a_feature_shows_its_evidence(explained, name):
    done = explained("features", name)
    assert done.stdout.splitlines() == [
        'winter  difference of means  3.3 %  toy/means/0  " snow" "\\n"',
        "wintry  sae                         toy/1-sae/1",
        "",
        'winter suppresses " sun".',
        "",
        "It fires most in (« » from half of the highest activation on):",
        "       8  the «snowman»␊␛[1m sun",
        "       5  a «cold» day",
        "       4  «ice»",
        "",
        "What its dial did (share of texts that show it, the same with a random direction, nats a token):",
        "   value    share   random    nats",
        "      -6      0 %      0 %    0.97",
        "       0      4 %        –    0.84",
        "     +10    100 %     12 %    3.60",
    ]


def test_a_part_of_a_name_shows_no_evidence(explained):
    assert len(explained("features", "wint").stdout.splitlines()) == 2


def test_an_engine_that_explains_nothing_shows_what_the_feature_holds(scripted_here):
    done = scripted_here("speaks")("features", "winter")
    assert (done.returncode, done.stdout) == (0, "winter  sae  toy/1-sae/7\n")


def test_features_as_json_has_a_compact_object_a_line_and_lists_all(scripted_here):
    done = scripted_here("speaks")("features", "--json")
    first = (
        '{"id":"toy/means/sea","label":"Sea","kind":"sae","unit":2.0,"unitOrigin":"0.04 × the mean residual norm",'
        '"residualNorm":null,"maxActivation":9.5,"density":null,'
        '"promoted":[" sea","\\n"],"suppressed":[],"contexts":[],"curve":[]}'
    )
    assert done.stdout.splitlines()[0] == first
    assert len(done.stdout.splitlines()) == 6
    assert json.loads(done.stdout.splitlines()[1])["maxActivation"] is None


def test_json_carries_the_three_top_contexts_and_the_curve(explained):
    [line] = explained("features", "--limit", "1", "--json").stdout.splitlines()
    feature = json.loads(line)
    assert (feature["density"], feature["suppressed"], feature["kind"]) == (0.0328, [" sun"], "difference of means")
    assert feature["contexts"] == [
        {"tokens": [" the", " snow", "man", "\n", "\x1b[1m", " sun"], "activations": [0.0, 8.0, 4.0, 0.0, 0.0, 3.0]},
        {"tokens": [" a", " cold", " day"], "activations": [0.0, 5.0, 0.5]},
        {"tokens": [" ice"], "activations": [4.0]},
    ]
    assert feature["curve"] == [
        {"value": -6.0, "share": 0.0, "nats": 0.97, "randomShare": 0.0},
        {"value": 0.0, "share": 0.04, "nats": 0.84, "randomShare": None},
        {"value": 10.0, "share": 1.0, "nats": 3.6, "randomShare": 0.125},
    ]


def test_evidence_that_cannot_be_had_ends_with_1_after_what_was_printed(explained):
    done = explained("features", "--json")
    assert (done.returncode, len(done.stdout.splitlines())) == (1, 1)
    assert done.stderr == "steer-tui: The server is gone. Try again later.\n"


def test_a_query_that_nothing_fits_says_so(scripted_here):
    done = scripted_here("speaks")("features", "qqq")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "steer-tui: No feature fits 'qqq'.\n")


def test_features_of_an_engine_that_fails_end_with_1(scripted_here):
    done = scripted_here("offers nothing")("features")
    assert (done.returncode, done.stderr) == (1, "steer-tui: The server refused: no. Ask for less.\n")
