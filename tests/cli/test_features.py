"""`steer-tui features`, held against an engine that follows a script."""

import json


def test_features_lists_label_kind_id_and_promoted_tokens(scripted_here):
    done = scripted_here("speaks")("features", "sea", "--limit", "1")
    assert (done.returncode, done.stdout) == (0, 'Sea  sae  toy/means/sea  " sea" "\\n"\n')


def test_features_as_json_has_a_compact_object_a_line_and_lists_all(scripted_here):
    done = scripted_here("speaks")("features", "--json")
    first = '{"id":"toy/means/sea","label":"Sea","kind":"sae","unit":2.0,"maxActivation":9.5,"promoted":[" sea","\\n"]}'
    assert done.stdout.splitlines()[0] == first
    assert len(done.stdout.splitlines()) == 6
    assert json.loads(done.stdout.splitlines()[1])["maxActivation"] is None


def test_a_query_that_nothing_fits_says_so(scripted_here):
    done = scripted_here("speaks")("features", "qqq")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "steer-tui: No feature fits 'qqq'.\n")


def test_features_of_an_engine_that_fails_end_with_1(scripted_here):
    done = scripted_here("offers nothing")("features")
    assert (done.returncode, done.stderr) == (1, "steer-tui: The server refused: no. Ask for less.\n")
