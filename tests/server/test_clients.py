"""Who asks: tokens, short-lived ones, and addresses behind proxies."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_engine import ScriptedEngine
from server.talking import OTHER_TOKEN, TOKEN, asked, bearer, gateway

from steer_tui.server.clients import Clients
from steer_tui.server.forwarded import is_among, nearest_untrusted, read_address
from steer_tui.server.passes import Passes

PROXIES = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.9", "198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7, 10.0.0.3, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["10.0.0.3"], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.7:4711"], "198.51.100.7"),
        ("10.0.0.1", ["[2001:db9::7]:4711"], "2001:db9::7"),
        ("2001:db8::1", ["::ffff:198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [""], "10.0.0.1"),
        (None, ["198.51.100.7"], None),
    ],
)
def test_the_client_is_the_nearest_hop_that_is_no_proxy_of_ours(peer, forwarded, client):
    found = nearest_untrusted(ip_address(peer) if peer else None, forwarded, PROXIES)
    assert found == (ip_address(client) if client else None)


hops = st.one_of(st.ip_addresses().map(str), st.text(max_size=20), st.sampled_from(["10.1.2.3", "unknown", "", "1:2"]))


@given(peer=st.ip_addresses(), forwarded=st.lists(st.lists(hops, max_size=4).map(",".join), max_size=3))
def test_whatever_the_header_says_nobody_behind_an_unknown_hop_is_believed(peer, forwarded):
    found = nearest_untrusted(peer, forwarded, PROXIES)
    if not is_among(peer, PROXIES):
        assert found == peer
        return
    trail = [hop for value in forwarded for hop in value.split(",")]
    behind = 0
    while behind < len(trail) and is_among(read_address(trail[-1 - behind]), PROXIES):
        behind += 1
    nearest = read_address(trail[-1 - behind]) if behind < len(trail) else None
    last_proxy = read_address(trail[-behind]) if behind else peer
    assert found == (nearest or last_proxy)


@given(st.text(max_size=60))
def test_what_is_no_address_is_none(text):
    address = read_address(text)
    assert address is None or read_address(str(address)) == address


async def test_only_a_named_proxy_tells_whose_request_it_is():
    async def statuses(**settings):
        async with gateway(ScriptedEngine(), rate_limit="1/minute", **settings) as there:
            return [
                (await there.post(asked(), X_Forwarded_For=f"198.51.100.{number}")).status_code for number in range(3)
            ]

    assert await statuses() == [200, 429, 429]
    assert await statuses(trusted_proxies=("10.0.0.0/8",)) == [200, 429, 429]
    assert await statuses(trusted_proxies=("127.0.0.1",)) == [200, 200, 200]


def scope(client="192.0.2.1", **headers):
    told = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"path": "/api/info", "method": "GET", "query_string": b"", "client": (client, 1), "headers": told}


def test_machines_of_one_network_of_ipv6_are_one_client():
    clients = Clients((), (), 60)
    one, same, other = (clients.client_of(scope(at)).name for at in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"))
    assert one == same != other


def test_a_clients_name_tells_nothing_of_its_token():
    name = Clients((TOKEN, OTHER_TOKEN), (), 60).client_of(scope(authorization=f"bearer {OTHER_TOKEN}")).name
    assert name.startswith("token:")
    assert OTHER_TOKEN not in name


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", TOKEN, "Bearer \xff\xfe"],
)
async def test_whatever_is_not_the_token_is_401(header):
    async with gateway(ScriptedEngine(), tokens=(TOKEN,)) as there:
        answer = await there.client.get("/api/info", headers=[(b"Authorization", header.encode("latin-1"))])
        right = await there.get("/api/info", **bearer(TOKEN))
        health = await there.get("/health")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in answer.text
    assert (right.status_code, health.status_code) == (200, 200)


def test_a_pass_is_worth_its_time_and_no_more():
    now = 1000.0
    passes = Passes(b"secret", 60, clock=lambda: now)
    made = passes.issue("address:127.0.0.1")
    assert passes.holder(made) == "address:127.0.0.1"
    now += 61
    assert passes.holder(made) is None


@given(st.text(max_size=200))
def test_a_pass_that_was_not_made_here_is_none(text):
    assert Passes(b"secret", 60).holder(text) is None


@given(st.integers(0, 200), st.characters())
def test_a_pass_that_was_changed_is_none(place, character):
    made = Passes(b"secret", 60, clock=lambda: 0.0).issue("token:1")
    changed = made[: place % len(made)] + character + made[place % len(made) + 1 :]
    if changed != made:
        assert Passes(b"secret", 60, clock=lambda: 0.0).holder(changed) is None


def test_a_token_is_the_same_client_whatever_stands_beside_it_and_no_pass_tells_of_it():
    asking = {**scope(authorization=f"Bearer {TOKEN}"), "path": "/", "method": "GET"}
    one, other = (Clients(tokens, (), 60.0) for tokens in ((TOKEN,), (OTHER_TOKEN, TOKEN)))
    client = one.client_of(asking)
    assert client == other.client_of(asking)
    assert client.name.removeprefix("token:") not in one.issue_pass(client)
