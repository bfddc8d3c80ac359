"""Upstreams behind TLS, and behind proxies."""

import asyncio
import base64

import pytest

from antiphon.core.error import UpstreamError, UpstreamTimeout, UpstreamUnreachable

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


async def serves(peer):
    while True:
        _, body = await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))


async def test_a_server_whose_certificate_fits_is_called(upstreams, authority):
    tls = authority.server("by-name", "localhost")
    tls.set_alpn_protocols(["h2", "http/1.1"])
    up = await upstreams(serves, tls=tls)
    origin = up.origin(host="localhost", tls=True, ca_file=authority.file)
    for body in (b"hello", b"x" * 3_000_000):
        assert await up.whole(body, origin=origin) == body
    assert len(up.peers) == 1
    assert up.peers[0].transport.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"


async def test_a_server_may_be_certified_by_address(upstreams, authority):
    up = await upstreams(serves, tls=authority.server("by-address", "127.0.0.1"))
    assert await up.whole(origin=up.origin(tls=True, ca_file=authority.file)) == b"hello"


async def unreachable(up, origin, *words: str) -> None:
    with pytest.raises(UpstreamUnreachable) as caught:
        await up.send(origin=origin)
    for word in words:
        assert word in caught.value.noted
    await up.nothing_left()


async def test_a_certificate_for_another_name_is_not_accepted(upstreams, authority):
    up = await upstreams(serves, tls=authority.server("other", "example.org"))
    origin = up.origin(host="localhost", tls=True, ca_file=authority.file)
    await unreachable(up, origin, f"localhost:{up.port}", "certificate is not accepted", "localhost")


async def test_a_certificate_of_an_unknown_authority_is_not_accepted(upstreams, authority, stranger):
    up = await upstreams(serves, tls=stranger.server("strange", "localhost"))
    origin = up.origin(host="localhost", tls=True, ca_file=authority.file)
    await unreachable(up, origin, "certificate is not accepted", authority.file, "unable to get local issuer")


async def test_the_systems_authorities_do_not_know_a_private_one(upstreams, authority):
    up = await upstreams(serves, tls=authority.server("private", "localhost"))
    await unreachable(
        up, up.origin(host="localhost", tls=True), "certificate is not accepted", "the system's authorities"
    )


async def test_an_expired_certificate_is_not_accepted(upstreams, authority, yesterday):
    up = await upstreams(serves, tls=authority.server("expired", "localhost", until=yesterday))
    origin = up.origin(host="localhost", tls=True, ca_file=authority.file)
    await unreachable(up, origin, "certificate is not accepted", "expired")


async def test_a_server_without_tls_is_not_reached_by_it(upstreams, authority):
    up = await upstreams(serves)

    async def script(peer):
        await peer.take(5)
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        peer.close()

    up = await upstreams(script)
    await unreachable(up, up.origin(tls=True, ca_file=authority.file), f"127.0.0.1:{up.port}", "TLS failed")


async def test_a_server_that_closes_amid_the_handshake_is_unreachable(upstreams, authority):
    async def script(peer):
        await peer.take(5)
        peer.close()

    up = await upstreams(script)
    await unreachable(up, up.origin(tls=True, ca_file=authority.file), f"127.0.0.1:{up.port}")


async def test_a_handshake_that_hangs_is_late_and_closed(upstreams, authority):
    async def script(peer):
        await asyncio.Event().wait()

    up = await upstreams(script)
    with pytest.raises(UpstreamTimeout, match=r"within 0\.1 s"):
        await up.send(origin=up.origin(tls=True, ca_file=authority.file), connect_s=0.1)
    await up.peers[0].gone()
    await up.nothing_left()


async def test_a_missing_file_of_authorities_is_named(upstreams, tmp_path):
    up = await upstreams(serves)
    missing = str(tmp_path / "no.pem")
    await unreachable(up, up.origin(tls=True, ca_file=missing), missing, "not there")


async def test_a_call_given_up_over_tls_closes_its_connection(upstreams, authority):
    async def script(peer):
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nok")

    up = await upstreams(script, tls=authority.server("given-up", "127.0.0.1"))
    answer = await up.send(origin=up.origin(tls=True, ca_file=authority.file))
    taking = asyncio.get_running_loop().create_task(answer.read(100))
    await asyncio.sleep(0)
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    async with asyncio.timeout(0.05):
        await up.peers[0].lost.wait()
    await up.nothing_left()


async def test_a_late_answer_over_tls_closes_its_connection(upstreams, authority):
    async def script(peer):
        await peer.request()

    up = await upstreams(script, tls=authority.server("late", "127.0.0.1"))
    with pytest.raises(UpstreamTimeout):
        await up.send(origin=up.origin(tls=True, ca_file=authority.file), first_byte_s=0.05)
    await up.peers[0].gone()
    await up.nothing_left()


async def test_a_held_answer_over_tls_does_not_run_out_of_time(upstreams, authority):
    async def script(peer):
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 3000000\r\n\r\n" + b"x" * 3_000_000)

    up = await upstreams(script, tls=authority.server("held", "127.0.0.1"))
    answer = await up.send(origin=up.origin(tls=True, ca_file=authority.file), between_bytes_s=0.1)
    answer.pause(True)
    await asyncio.sleep(0.3)
    answer.pause(False)
    assert len(await answer.read(1 << 22)) == 3_000_000
    await up.nothing_left(open_connections=1)


# --- proxies


class Proxy:
    """A small proxy: tunnels, and takes plain requests itself."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 Connection established\r\nvia: p\r\n\r\n") -> None:
        self.heads: list[bytes] = []
        self._answer = answer
        self.tunnels = 0

    async def script(self, peer):
        head = await peer.until(b"\r\n\r\n")
        self.heads.append(head)
        if not head.startswith(b"CONNECT"):
            await peer.take(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
            peer.send(OK)
            return
        peer.send(self._answer)
        if b" 200 " not in self._answer:
            return
        host, _, port = head.split(b" ")[1].rpartition(b":")
        reader, writer = await asyncio.open_connection(host.decode(), int(port))
        self.tunnels += 1

        async def back():
            while data := await reader.read(65_536):
                peer.send(data)
            peer.close()

        backwards = asyncio.get_running_loop().create_task(back())
        try:
            while True:
                writer.write(await peer.take(1))
        finally:
            backwards.cancel()
            writer.close()


async def test_a_tunnel_carries_tls_to_the_upstream(upstreams, authority):
    proxy = Proxy()
    via = await upstreams(proxy.script)
    up = await upstreams(serves, tls=authority.server("tunnelled", "localhost"))
    origin = up.origin(host="localhost", tls=True, ca_file=authority.file, proxy=f"http://127.0.0.1:{via.port}")
    assert await up.whole(origin=origin) == b"hello"
    assert await up.whole(b"again", origin=origin) == b"again"
    target = b"localhost:%d" % up.port
    assert proxy.heads == [b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (target, target)]
    assert (up.client.open_connections, up.client.idle_connections, proxy.tunnels) == (1, 1, 1)


async def test_a_tunnel_is_asked_for_with_the_users_name(upstreams, authority):
    proxy = Proxy()
    via = await upstreams(proxy.script)
    up = await upstreams(serves, tls=authority.server("named", "localhost"))
    origin = up.origin(
        host="localhost", tls=True, ca_file=authority.file, proxy=f"http://us%40er:p%3A@127.0.0.1:{via.port}"
    )
    assert await up.whole(origin=origin) == b"hello"
    word = base64.b64encode(b"us@er:p:")
    assert b"\r\nProxy-Authorization: Basic " + word + b"\r\n" in proxy.heads[0]


async def test_a_tunnel_checks_the_upstreams_certificate(upstreams, authority):
    via = await upstreams(Proxy().script)
    up = await upstreams(serves, tls=authority.server("wrong", "example.org"))
    proxy = f"http://127.0.0.1:{via.port}"
    origin = up.origin(host="localhost", tls=True, ca_file=authority.file, proxy=proxy)
    await unreachable(up, origin, "certificate is not accepted", "by way of the proxy 127.0.0.1")
    await via.peers[0].gone()


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n", "answered 407"),
        (b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 3\r\n\r\nbad", "answered 502"),
        (b"HTTP/1.1 302 Found\r\nlocation: /\r\n\r\n", "answered 302"),
        (b"SSH-2.0\r\n", "is not HTTP"),
    ],
)
async def test_a_proxy_that_refuses_is_quoted(upstreams, authority, answer, word):
    via = await upstreams(Proxy(answer).script)
    up = await upstreams(serves, tls=authority.server("refused", "localhost"))
    origin = up.origin(host="localhost", tls=True, ca_file=authority.file, proxy=f"http://127.0.0.1:{via.port}")
    await unreachable(up, origin, "the proxy", word)
    await via.peers[0].gone()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
    ],
)
async def test_what_else_a_proxy_says_of_its_tunnel_does_not_matter(upstreams, authority, answer):
    via = await upstreams(Proxy(answer).script)
    up = await upstreams(serves, tls=authority.server("steps", "localhost"))
    origin = up.origin(host="localhost", tls=True, ca_file=authority.file, proxy=f"http://127.0.0.1:{via.port}")
    assert await up.whole(origin=origin) == b"hello"


async def test_a_proxy_that_closes_is_said_to_have_closed(upstreams, authority):
    async def script(peer):
        await peer.until(b"\r\n\r\n")
        peer.close()

    via = await upstreams(script)
    origin = via.origin(host="localhost", tls=True, ca_file=authority.file, proxy=f"http://127.0.0.1:{via.port}")
    await unreachable(via, origin, "the proxy closed the connection")


async def test_a_proxy_that_hangs_is_late_and_closed(upstreams, authority):
    async def script(peer):
        await peer.until(b"\r\n\r\n")

    via = await upstreams(script)
    origin = via.origin(host="localhost", tls=True, ca_file=authority.file, proxy=f"http://127.0.0.1:{via.port}")
    with pytest.raises(UpstreamTimeout):
        await via.send(origin=origin, connect_s=0.1)
    await via.peers[0].gone()
    await via.nothing_left()


async def test_a_handshake_that_hangs_in_a_tunnel_is_late_and_closed(upstreams, authority):
    async def script(peer):
        await peer.until(b"\r\n\r\n")
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")

    via = await upstreams(script)
    origin = via.origin(host="localhost", tls=True, ca_file=authority.file, proxy=f"http://127.0.0.1:{via.port}")
    with pytest.raises(UpstreamTimeout):
        await via.send(origin=origin, connect_s=0.1)
    await via.peers[0].gone()
    await via.nothing_left()


async def test_a_tunnel_that_is_cut_amid_an_answer_breaks_it(upstreams, authority):
    async def script(peer):
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nok")

    via = await upstreams(Proxy().script)
    up = await upstreams(script, tls=authority.server("cut", "localhost"))
    origin = up.origin(host="localhost", tls=True, ca_file=authority.file, proxy=f"http://127.0.0.1:{via.port}")
    answer = await up.send(origin=origin)
    via.peers[0].reset()
    with pytest.raises(UpstreamError):
        await answer.read(100)
    await up.nothing_left()


async def test_a_plain_upstream_is_asked_of_its_proxy(upstreams):
    proxy = Proxy()
    via = await upstreams(proxy.script)
    origin = via.origin(host="upstream.invalid", port=80, proxy=f"http://127.0.0.1:{via.port}")
    assert await via.whole(origin=origin) == b"ok"
    assert proxy.heads[0].startswith(b"POST ")


async def test_a_proxy_that_does_not_listen_is_named(upstreams, authority):
    up = await upstreams(serves)
    for tls in (False, True):
        origin = up.origin(tls=tls, ca_file=authority.file, proxy="http://127.0.0.1:1")
        await unreachable(up, origin, "by way of the proxy 127.0.0.1:1", "refused")


async def test_an_ipv6_upstream_is_named_to_its_proxy_in_brackets(upstreams, authority):
    proxy = Proxy(b"HTTP/1.1 403 -\r\n\r\n")
    via = await upstreams(proxy.script)
    origin = via.origin(host="::1", port=443, tls=True, ca_file=authority.file, proxy=f"http://127.0.0.1:{via.port}")
    await unreachable(via, origin, "[::1]:443", "answered 403")
    assert proxy.heads[0].startswith(b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n")
