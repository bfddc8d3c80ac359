"""Where connections may go: spellings of addresses inside, names that lead elsewhere, redirects, proxies, lists of hosts."""

import asyncio
import contextlib
import socket
import threading

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.deployment import Timeouts
from antiphon.core.error import EgressRefused, UpstreamUnreachable
from antiphon.core.ports import Origin, Outbound
from antiphon.net.addresses import METADATA, SPECIAL, nature, parsed
from antiphon.net.client import Client
from antiphon.net.dial import trust
from antiphon.net.egress import OPEN, Egress, allowed, egress_of, origin_of, system_resolver
from antiphon.net.session import session
from antiphon.net.settings_egress import EgressSettings
from antiphon.net.switch import switch

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
PUBLIC = "93.184.216.34"


class Names:
    """A name server: what it says changes from one question to the next, the last for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def rules(*answers: list[str], **settings) -> Egress:
    return egress_of(EgressSettings(**settings), Names(*answers))


async def refused(egress: Egress, origin: Origin, *words: str) -> None:
    with pytest.raises(EgressRefused) as caught:
        await egress.addresses(origin)
    for word in words:
        assert word in caught.value.noted


INSIDE = [
    "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1", "100.64.0.1", "100.127.255.254",
    "169.254.0.1", "169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192", "0.0.0.0",
    "0.1.2.3", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250",
    "240.0.0.1", "255.255.255.255", "192.88.99.1",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe",
    "0:0:0:0:0:ffff:7f00:1", "::ffff:0:7f00:1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1",
    "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:7f00:1::", "2001:10::1", "2001:db8::1", "3fff::1", "fc00::1",
    "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fe80::1", "fe80::1%1", "fe80::a9fe:a9fe%eth0", "::1%lo",
    "2606:4700::1111%1", "fec0::1", "ff02::1", "ff0e::1", "100::1", "4000::1", "5f00::1", "e000::1",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
async def test_no_name_leads_inside(address: str) -> None:
    await refused(rules([address]), Origin(host="api.example.com", port=443), "api.example.com")


@pytest.mark.parametrize("address", INSIDE)
async def test_no_stranger_leads_inside_by_an_address(address: str) -> None:
    await refused(rules([PUBLIC]), Origin(host=address, port=80, foreign=True))


@pytest.mark.parametrize("address", INSIDE)
async def test_one_address_inside_spoils_a_name(address: str) -> None:
    await refused(rules([PUBLIC, address]), Origin(host="api.example.com", port=443))


@pytest.mark.parametrize("address", ["1.1.1.1", PUBLIC, "2606:4700::1111", "2001:4860:4860::8888", "::ffff:1.1.1.1"])
async def test_public_addresses_are_anybodys(address: str) -> None:
    found = await rules([address]).addresses(Origin(host="api.example.com", port=443, foreign=True))
    assert found == [address.removeprefix("::ffff:")]


SPELLINGS = [
    "2130706433", "0x7f000001", "017700000001", "127.1", "127.0.1", "0177.0.0.1", "0x7f.0.0.1", "0x7f.1", "127.0.0.1.",
    "0", "0x0", "0000.0", "localhost", "LOCALHOST", "localhost.",
]  # fmt: skip
"""Each is this machine to the operating system."""


@pytest.mark.parametrize("host", SPELLINGS)
async def test_no_spelling_that_the_system_understands_leads_inside(host: str) -> None:
    """The system's own resolver is asked."""
    with pytest.raises((EgressRefused, OSError)):
        await Egress().addresses(Origin(host=host, port=80, foreign=True))


@pytest.mark.parametrize(
    "url",
    [
        "http://[::ffff:127.0.0.1]/", "http://[::1]:8080/x", "http://user@127.0.0.1/", "http://api.example.com@10.0.0.1/",
        "http://127.0.0.1#@api.example.com/", "http://10.0.0.1?api.example.com", "https://[fe80::1%25eth0]/",
        "http://[64:ff9b::7f00:1]/", "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/latest/",
    ],
)  # fmt: skip
async def test_urls_are_read_as_they_are_connected_to(url: str) -> None:
    with pytest.raises((EgressRefused, OSError)):
        await rules([PUBLIC]).addresses(origin_of(url, foreign=True))


@given(st.ip_addresses())
def test_only_what_is_inside_has_a_nature(address) -> None:
    """Python's own registry agrees on what is inside, whatever else either knows to be special."""
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        shared = address.version == 6 and (address.ipv4_mapped is not None)
        assert nature(address) or shared


def test_every_metadata_address_is_named_as_one() -> None:
    assert {nature(one) for one in METADATA} == {"a metadata service's"}
    assert all(nature(network.network_address) for network, _ in SPECIAL)


# --- what is declared


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3", "192.168.0.9", "100.64.0.1", "fd12::1", "::1", "localhost"])
async def test_an_address_that_is_written_is_declared(host: str) -> None:
    assert await rules(["127.0.0.1"]).addresses(Origin(host=host, port=80))


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "169.254.1.1", "224.0.0.1", "0.0.0.0", "fe80::1%1", "64:ff9b::a00:1"]
)
async def test_what_no_model_lives_at_is_refused_though_it_is_written(host: str) -> None:
    await refused(rules([PUBLIC]), Origin(host=host, port=80), host.partition("%")[0])


async def test_networks_declare_where_names_may_lead() -> None:
    origin = Origin(host="vllm.internal", port=80)
    await refused(rules(["10.0.0.7"]), origin, "vllm.internal", "10.0.0.7", "private", "networks")
    assert await rules(["10.0.0.7"], networks=["10.0.0.0/8"]).addresses(origin) == ["10.0.0.7"]
    bound = Origin(host="vllm.internal", port=80, networks=("10.0.0.0/8",))
    assert await rules(["10.0.0.7"]).addresses(bound) == ["10.0.0.7"]


@pytest.mark.parametrize("networks", [["0.0.0.0/0", "::/0"], ["169.254.0.0/16"], ["169.254.169.0/24"]])
async def test_a_metadata_service_has_to_be_named_alone(networks: list[str]) -> None:
    origin = Origin(host="metadata.google.internal", port=80)
    await refused(rules(["169.254.169.254"], networks=networks), origin, "metadata")
    assert await rules(["169.254.169.254"], networks=["169.254.169.254/32"]).addresses(origin)


async def test_a_translated_address_needs_both_its_networks() -> None:
    origin = Origin(host="six.example", port=80)
    nat64 = ["64:ff9b::/96"]
    await refused(rules(["64:ff9b::a00:1"], networks=nat64), origin, "10.0.0.1")
    assert await rules(["64:ff9b::a00:1"], networks=[*nat64, "10.0.0.0/8"]).addresses(origin)
    assert await rules(["64:ff9b::101:101"], networks=nat64).addresses(origin) == ["64:ff9b::101:101"]


@pytest.mark.parametrize(
    ("address", "fits"), [("10.9.9.9", True), ("192.168.0.1", False), (PUBLIC, False), ("::ffff:10.9.9.9", True)]
)
async def test_an_origin_is_bound_to_its_networks(address: str, fits: bool) -> None:
    bound = Origin(host="private.example", port=80, networks=("10.0.0.0/8",))
    egress = rules([address], networks=["192.168.0.0/16"])
    if fits:
        assert await egress.addresses(bound) == ["10.9.9.9"]
    else:
        await refused(egress, bound, "outside the networks that it is bound to", "10.0.0.0/8")
    literal = Origin(host=address, port=80, networks=("10.0.0.0/8",))
    assert (await _passes(egress, literal)) == fits


async def _passes(egress: Egress, origin: Origin) -> bool:
    try:
        return bool(await egress.addresses(origin))
    except EgressRefused:
        return False


async def test_networks_that_cannot_be_read_bind_to_nothing() -> None:
    await refused(rules(["10.0.0.1"]), Origin(host="x.example", port=80, networks=("10.0.0.0/99",)), "can't be read")


# --- lists of hosts


@pytest.mark.parametrize(
    ("pattern", "host", "port", "fits"),
    [
        ("api.example.com", "api.example.com", 443, True),
        ("api.example.com", "API.Example.COM.", 443, True),
        ("api.example.com", "xapi.example.com", 443, False),
        ("api.example.com", "api.example.com.evil.example", 443, False),
        ("api.example.com", "example.com", 443, False),
        ("*.example.com", "a.b.example.com", 443, True),
        ("*.example.com", "example.com", 443, False),
        ("*.example.com", "notexample.com", 443, False),
        ("api.example.com:8443", "api.example.com", 8443, True),
        ("api.example.com:8443", "api.example.com", 443, False),
        ("bücher.example", "xn--bcher-kva.example", 443, True),
        ("10.0.0.1", "10.0.0.1", 80, True),
        ("10.0.0.1", "::ffff:10.0.0.1", 80, True),
        ("[fd00::1]:8080", "fd00:0:0::1", 8080, True),
        ("[fd00::1]:8080", "fd00::1", 80, False),
        ("fd00::1", "fd00::1", 80, True),
    ],
)
def test_a_list_holds_what_it_names(pattern: str, host: str, port: int, fits: bool) -> None:
    assert egress_of(EgressSettings(allow=[pattern])).names(host, port) == fits
    assert allowed(pattern).holds("other.example", port) is False


async def test_a_host_that_is_not_listed_is_not_looked_up() -> None:
    egress = rules([PUBLIC], allow=["api.example.com"])
    await refused(egress, Origin(host="evil.example", port=443), "evil.example:443", "egress.allow")
    assert egress.resolve.asked == []


async def test_this_machine_needs_no_place_in_the_list_but_by_a_strangers_word() -> None:
    egress = rules(["127.0.0.1"], allow=["api.example.com"])
    for host in ("127.0.0.1", "::1", "localhost"):
        assert await egress.addresses(Origin(host=host, port=80))
        await refused(egress, Origin(host=host, port=80, foreign=True))
    await refused(egress, Origin(host="10.0.0.1", port=80), "egress.allow")


# --- connecting


class Server:
    """Counts connections, answers each request with the same."""

    def __init__(self) -> None:
        self.connections = 0
        self.heads: list[bytes] = []
        self.answer = OK
        self._writers: list[asyncio.StreamWriter] = []

    async def close(self) -> None:
        for one in self._writers:
            one.close()
            with contextlib.suppress(ConnectionError):
                await one.wait_closed()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(self.answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@pytest.fixture
async def servers():
    """Two on one port: at 127.0.0.1, and at 127.0.0.2."""
    one, two = Server(), Server()
    first = await asyncio.start_server(one, "127.0.0.1", 0)
    port = first.sockets[0].getsockname()[1]
    second = await asyncio.start_server(two, "127.0.0.2", port)
    yield one, two, port
    for server in (first, second):
        server.close()
    for counted in (one, two):
        await counted.close()


def asking(origin: Origin, path: str = "/") -> Outbound:
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\n".encode()
    return Outbound(origin=origin, head=head, body=(), size_bytes=0, timeouts=Timeouts(connect_s=5))


async def ask(client: Client, origin: Origin, *, fresh: bool = False) -> bytes:
    return await (await client.send(asking(origin), fresh=fresh)).read(100)


async def test_a_name_is_looked_up_once_and_the_address_that_was_checked_is_connected_to(servers) -> None:
    one, two, port = servers
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    client = Client(egress_of(EgressSettings(networks=["127.0.0.1"]), names))
    try:
        origin = Origin(host="rebinding.example", port=port)
        assert await ask(client, origin) == b"ok"
        assert (one.connections, two.connections, names.asked) == (1, 0, ["rebinding.example"])
        assert await ask(client, origin) == b"ok"  # the kept connection is still to what was checked
        with pytest.raises(EgressRefused) as caught:
            await ask(client, origin, fresh=True)
        assert caught.value.message == "no connection could be made"
        assert "127.0.0.2" in caught.value.noted
        assert (one.connections, two.connections) == (1, 0)
    finally:
        client.close()


async def test_a_private_deployment_whose_name_leads_elsewhere_is_sent_nothing(servers) -> None:
    one, two, port = servers
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    client = Client(egress_of(EgressSettings(networks=["127.0.0.0/8"]), names))
    origin = Origin(host="private.example", port=port, networks=("127.0.0.1/32",))
    try:
        assert await ask(client, origin) == b"ok"
        with pytest.raises(EgressRefused):
            await ask(client, origin, fresh=True)
        assert (len(one.heads), two.connections) == (1, 0)
    finally:
        client.close()


async def test_the_next_address_is_tried_when_the_first_does_not_answer(servers) -> None:
    one, _, port = servers
    client = Client(egress_of(EgressSettings(networks=["127.0.0.0/8"]), Names(["127.0.0.9", "127.0.0.1"])))
    try:
        assert await ask(client, Origin(host="two.example", port=port)) == b"ok"
        assert one.connections == 1
    finally:
        client.close()


async def test_a_redirect_is_an_answer_and_is_not_followed(servers) -> None:
    one, two, port = servers
    one.answer = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.2:%d/\r\ncontent-length: 0\r\n\r\n" % port
    client = Client(Egress())
    try:
        answer = await client.send(asking(Origin(host="127.0.0.1", port=port)))
        assert (answer.status, two.connections) == (302, 0)
        await answer.read(10)
    finally:
        client.close()


async def test_rules_that_change_end_what_was_opened_by_those_of_before(servers) -> None:
    one, _, port = servers
    origin = Origin(host="inner.example", port=port)
    names = Names(["127.0.0.1"])
    client = Client(egress_of(EgressSettings(networks=["127.0.0.0/8"]), names))
    try:
        assert await ask(client, origin) == b"ok"
        client.allow(egress_of(EgressSettings(networks=["127.0.0.0/8"]), names))
        assert await ask(client, origin) == b"ok"
        assert one.connections == 1
        client.allow(egress_of(EgressSettings(), names))
        with pytest.raises(EgressRefused):
            await ask(client, origin)
        assert (one.connections, client.open_connections) == (1, 0)
    finally:
        client.close()


async def test_what_runs_when_rules_change_ends_and_is_not_kept(servers) -> None:
    one, _, port = servers
    one.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nok"
    origin = Origin(host="127.0.0.1", port=port)
    client = Client(Egress())
    try:
        answer = await client.send(asking(origin))
        client.allow(rules([PUBLIC], allow=["api.example.com"]))
        assert client.open_connections == 1
        answer.close()
        assert client.idle_connections == 0
        one.answer = OK
        assert await ask(client, origin) == b"ok"
        assert one.connections == 2
    finally:
        client.close()


async def test_a_websocket_goes_by_the_same_rules(servers) -> None:
    one, _, port = servers
    with pytest.raises(EgressRefused):
        await switch(asking(Origin(host="inner.example", port=port)), rules(["127.0.0.1"]))
    assert one.connections == 0


async def test_certificates_are_always_checked() -> None:
    context = trust(None)
    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"


# --- proxies


async def test_a_proxy_by_name_needs_its_network(servers) -> None:
    one, _, port = servers
    origin = Origin(host="api.example.com", port=80, proxy=f"http://proxy.internal:{port}")
    client = Client(rules(["127.0.0.1"]))
    try:
        with pytest.raises(EgressRefused):
            await ask(client, origin)
        assert one.connections == 0
        client.allow(rules(["127.0.0.1"], networks=["127.0.0.1"]))
        assert await ask(client, origin) == b"ok"
    finally:
        client.close()


@pytest.mark.parametrize(
    "origin",
    [
        Origin(host="evil.example", port=80),
        Origin(host="169.254.169.254", port=80),
        Origin(host="api.example.com", port=80, networks=("10.0.0.0/8",)),
        Origin(host="api.example.com", port=80, foreign=True),
        Origin(host="10.0.0.1", port=80, networks=("10.2.0.0/16",)),
    ],
)
async def test_no_proxy_is_asked_for_what_is_refused(servers, origin: Origin) -> None:
    one, _, port = servers
    egress = rules([PUBLIC], allow=["api.example.com", "10.0.0.1", "169.254.169.254"])
    with pytest.raises(EgressRefused):
        await egress.proxy_addresses(origin, "127.0.0.1", port)
    assert one.connections == 0


async def test_an_address_of_its_network_is_reached_through_a_proxy() -> None:
    origin = Origin(host="10.0.0.1", port=80, networks=("10.0.0.0/8",))
    assert await rules([PUBLIC]).proxy_addresses(origin, "127.0.0.1", 3128) == ["127.0.0.1"]


# --- a person at a terminal


async def test_a_person_goes_anywhere_but_to_metadata() -> None:
    assert await OPEN.addresses(Origin(host="10.0.0.1", port=80))
    await refused(OPEN, Origin(host="169.254.169.254", port=80), "169.254.169.254")


async def test_a_name_that_leads_nowhere_is_told_as_such() -> None:
    client = Client(rules([]))
    try:
        with pytest.raises(UpstreamUnreachable) as caught:
            await ask(client, Origin(host="nowhere.example", port=80))
        assert "the name can't be resolved" in caught.value.noted
    finally:
        client.close()


async def test_the_system_knows_this_machine() -> None:
    assert {nature(found) for one in await system_resolver("localhost", 80) if (found := parsed(one))} == {"loopback"}


# --- libraries that bring their own HTTP


@pytest.fixture
def blocking():
    """A server for what blocks: says where to go, and counts who came."""
    came: list[bytes] = []
    answer = [OK]
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                came.append(connection.recv(65_536))
                connection.sendall(answer[0].replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server.getsockname()[1], came, answer
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def test_a_session_goes_where_it_may(blocking, monkeypatch) -> None:
    port, came, _ = blocking
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with session(Egress()) as made:
        assert made.post(f"http://127.0.0.1:{port}/v1/traces", data=b"x").text == "ok"
    assert len(came) == 1


@pytest.mark.parametrize("host", ["169.254.169.254", "0x7f.1", "2130706433", "[::ffff:169.254.169.254]"])
def test_a_session_goes_nowhere_else(blocking, host: str) -> None:
    port, came, _ = blocking
    with session(Egress()) as made, pytest.raises(requests.ConnectionError):
        made.get(f"http://{host}:{port}/", timeout=5)
    assert came == []


def test_a_session_keeps_to_the_list_of_hosts() -> None:
    with session(egress_of(EgressSettings(allow=["otlp.example"]))) as made:
        for scheme in ("http", "https"):
            with pytest.raises(requests.ConnectionError, match=r"egress\.allow"):
                made.get(f"{scheme}://evil.example/", timeout=5)


def test_a_session_follows_no_redirect(blocking) -> None:
    port, came, answer = blocking
    answer[0] = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:%d/else\r\ncontent-length: 0\r\n\r\n" % port
    with session(Egress()) as made:
        assert made.get(f"http://127.0.0.1:{port}/").status_code == 302
    assert len(came) == 1
