"""HTTPS for callers: the certificate, its renewal, callers' own certificates, versions."""

import asyncio
import contextlib
import shutil
import socket
import ssl

import pytest

from antiphon.app.build import tls_context
from antiphon.server.settings import Tls

GET = b"GET /%b HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def files(authority, tmp_path):
    """Certificate and key in the places that a configuration names."""
    places = str(tmp_path / "served.pem"), str(tmp_path / "served.key")

    def put(label: str) -> None:
        for source, place in zip(authority.issue(label, "localhost"), places, strict=True):
            shutil.copy(source, place)

    put("first")
    return places, put


def settings(files, **more) -> Tls:
    (certificate, key), _ = files
    return Tls(cert_file=certificate, key_file=key, **more)


async def test_requests_are_served_over_tls(house, authority, files):
    house = await house(tls=tls_context(settings(files)))
    caller = await house.caller(tls=authority.caller(), name="localhost")
    body = b"x" * 3_000_000
    caller.send(GET % b"1" + b"POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert (await caller.answer()).body == b"/1 "
    assert (await caller.answer()).body == b"/2 " + body
    caller.send(GET % b"stream")
    assert (await caller.answer()).body == b"/stream"


async def test_a_renewed_certificate_is_served_to_new_connections_and_the_old_ones_go_on(house, authority, files):
    context = tls_context(settings(files))
    house = await house(tls=context)
    old = await house.caller(tls=authority.caller(), name="localhost")
    files[1]("second")
    tls_context(settings(files), context)
    new = await house.caller(tls=authority.caller(), name="localhost")
    assert old.certificate != new.certificate
    for caller in (old, new):
        caller.send(GET % b"1")
        assert (await caller.answer()).status == 200


async def asked(house, context):
    caller = await house.caller(tls=context, name="localhost")
    caller.send(GET % b"1")
    return await caller.answer()


async def test_a_caller_without_a_certificate_is_refused_where_one_is_required(house, authority, stranger, files):
    house = await house(tls=tls_context(settings(files, client_ca_file=authority.file)))
    strange = authority.caller()
    strange.load_cert_chain(*stranger.issue("strange-caller", client=True))
    for context in (authority.caller(), strange):
        with pytest.raises((OSError, EOFError)):
            await asked(house, context)
    known = authority.caller()
    known.load_cert_chain(*authority.issue("known-caller", client=True))
    assert (await asked(house, known)).status == 200
    assert len(house.requests) == 1


@pytest.mark.parametrize(("least", "served"), [("1.2", True), ("1.3", False)])
async def test_a_version_below_the_lowest_is_refused(house, authority, files, least, served):
    house = await house(tls=tls_context(settings(files, min_version=least)))
    context = authority.caller()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    if served:
        caller = await house.caller(tls=context, name="localhost")
        caller.send(GET % b"1")
        assert (await caller.answer()).status == 200
    else:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await house.caller(tls=context, name="localhost")


async def test_a_refusal_can_be_read_over_tls_by_a_caller_that_still_sends(house, authority, files):
    house = await house(tls=tls_context(settings(files)), max_body_bytes=1024)
    caller = await house.caller(tls=authority.caller(), name="localhost")
    caller.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n")
    for _ in range(40):
        caller.send(b"x" * 100_000)
        await caller.sent()
    assert (await caller.answer()).status == 413
    house.later(3)
    assert await caller.closed()


async def test_a_caller_who_leaves_over_tls_has_its_request_cancelled_at_once(house, authority, files):
    house = await house(tls=tls_context(settings(files)))
    for rudely in (False, True):
        caller = await house.caller(tls=authority.caller(), name="localhost")
        caller.send(GET % b"held")
        exchange = await house.next(house.arrived)
        caller.leave(rudely=rudely)
        async with asyncio.timeout(0.05):
            assert await house.cancelled.get() is exchange
        await house.empty()


async def test_a_caller_that_never_shakes_hands_is_cut(house, files):
    house = await house(tls=tls_context(settings(files)), header_timeout_s=0.1)
    with socket.create_connection(("127.0.0.1", house.port)) as sock:
        sock.setblocking(False)
        async with asyncio.timeout(5):
            assert await asyncio.get_running_loop().sock_recv(sock, 1) == b""


async def test_a_caller_without_tls_is_cut(house, files):
    house = await house(tls=tls_context(settings(files)))
    caller = await house.caller()
    caller.send(GET % b"1")
    with contextlib.suppress(OSError):
        assert b"HTTP" not in await caller.rest()
    assert house.requests == []


async def test_a_drain_does_not_wait_for_callers_who_do_not_say_goodbye(house, authority, files):
    house = await house(tls=tls_context(settings(files)))
    caller = await house.caller(tls=authority.caller(), name="localhost")
    caller.send(GET % b"1")
    await caller.answer()
    caller._writer.transport.pause_reading()
    draining = asyncio.get_running_loop().create_task(house.listener.drain(30))
    await house.some(lambda one: one.transport.is_closing())
    house.later(6)
    async with asyncio.timeout(1):
        assert await draining is True


async def test_a_last_answer_is_taken_slowly_over_tls_and_whole(house, authority, files):
    house = await house(tls=tls_context(settings(files)), send_timeout_s=60)
    caller = await house.caller(tls=authority.caller(), name="localhost", most_bytes=4096)
    body = b"x" * 3_000_000
    caller.send(b"POST /2 HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    await house.some(lambda one: one.transport.is_closing())
    house.later(10)
    answer = await caller.answer()
    assert (len(answer.body), set(answer.body[3:])) == (3_000_003, {ord("x")})
