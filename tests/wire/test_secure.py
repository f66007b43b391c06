"""Servers that are asked over TLS: what cannot be trusted is one sentence, and is not asked again."""

import asyncio
from pathlib import Path

import httpx
import pytest
from loopback import Call, Loopback
from secure import server_context

from steer_tui.domain import SteerError, Unreachable
from steer_tui.wire import ask_json, connect


@pytest.fixture
def own_trust(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The certificates are read anew in this test, and by the tests after it again."""
    monkeypatch.setattr("steer_tui.wire.client._trusted", None)
    return monkeypatch


async def say_yes(call: Call) -> None:
    await call.answer_json({"said": "yes"})


async def failure_at(address: str) -> SteerError:
    async with await connect(address, {"x-api-key": "s3cret"}) as client:
        with pytest.raises(SteerError) as caught:
            await ask_json(client, "GET", "/asked?token=s3cret")
    assert "s3cret" not in caught.value.message + caught.value.hint
    return caught.value


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted_and_not_tried_again(tmp_path: Path) -> None:
    async with Loopback({"GET /asked": say_yes}, server_context(tmp_path)) as server:
        error = await failure_at(server.url)
        assert server.calls == []
    assert isinstance(error, Unreachable)
    assert error.message == f"{server.url} shows a certificate that cannot be trusted: self-signed certificate."
    assert "Trying again will not help" in error.hint
    assert "SSL_CERT_FILE" in error.hint
    assert not error.passing
    assert error.code == "unreachable"
    assert isinstance(error.__cause__, httpx.ConnectError)


async def test_a_certificate_that_is_named_is_trusted(tmp_path: Path, own_trust: pytest.MonkeyPatch) -> None:
    context = server_context(tmp_path)
    own_trust.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    async with Loopback({"GET /asked": say_yes}, context) as server, await connect(server.url) as client:
        assert await ask_json(client, "GET", "/asked") == {"said": "yes"}


async def test_a_certificate_of_another_host_is_not_trusted(tmp_path: Path, own_trust: pytest.MonkeyPatch) -> None:
    context = server_context(tmp_path)
    own_trust.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    async with Loopback({"GET /asked": say_yes}, context) as server:
        error = await failure_at(server.url.replace("127.0.0.1", "localhost"))
    assert "cannot be trusted" in error.message
    assert "localhost" in error.message.partition(":")[2]
    assert not error.message.endswith("..")
    assert not error.passing


async def test_certificates_that_cannot_be_read_are_told_with_where_to_look(
    tmp_path: Path, own_trust: pytest.MonkeyPatch
) -> None:
    own_trust.setenv("SSL_CERT_FILE", str(tmp_path / "nowhere.pem"))
    with pytest.raises(Unreachable) as caught:
        await connect("https://models.example")
    assert "SSL_CERT_FILE" in caught.value.hint
    assert not caught.value.passing


async def test_a_server_without_tls_cannot_be_asked_by_https() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.write(b"HTTP/1.1 400 Bad Request\r\n"), "127.0.0.1", 0)
    async with server:
        error = await failure_at(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert isinstance(error, Unreachable)
    assert "TLS" in error.message
    assert "http://" in error.hint
    assert not error.passing


async def test_a_connection_that_is_closed_before_it_is_secure_may_be_made_later() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        error = await failure_at(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert type(error) is Unreachable
    assert error.passing
