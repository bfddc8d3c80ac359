"""Who may answer what people are asked, what their answers come to, and who is told of it."""

import asyncio
import contextlib
import hmac
import json
import logging
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from fakes.clock import StoppedClock
from fakes.records import PlainSealer
from servers import Postgres

from antiphon.control.approvals import Book, Clockwork, People
from antiphon.control.approvals_shown import differences, shown
from antiphon.control.approvals_told import Telling, name_of
from antiphon.control.roles import EVERYWHERE, Grant, Scope
from antiphon.control.settings_approvals import ApprovalSettings, NotifySettings
from antiphon.control.who import COMMAND, FIRST, Who
from antiphon.core.approval import Approval, Wish
from antiphon.core.approval_store import ApprovalStore
from antiphon.core.error import BadRequest, NotAllowed, NotFound, OverLimit
from antiphon.core.ids import Uuid7
from antiphon.core.principal import Principal
from antiphon.core.secret import Secret
from antiphon.net.client import Client
from antiphon.store.approvals_postgres import PostgresApprovals
from antiphon.store.approvals_sqlite import SqliteApprovals
from antiphon.store.postgres import PostgresDatabase
from antiphon.store.sqlite import SqliteDatabase

S = 1_000_000_000
SHOWN = json.dumps(
    {"action": "call_model", "endpoint": "/v1/chat/completions", "model": "fast", "request": {"max_tokens": 5, "user": "a"}},
    sort_keys=True,
    separators=(",", ":"),
).encode()  # fmt: skip
ACME = Scope("acme")


def somebody(name: str, *roles: str, scope: Scope = ACME, user: str = "") -> Who:
    principal = Principal(tenant="acme", key=name, user=user)
    return Who(by=f"key/{name}", grants=tuple(Grant(role, scope) for role in roles), principal=principal)


BOB, CAROL = somebody("bob", "approver"), somebody("carol", "approver")


class Rig:
    """Approvals on a real database, with a clock that stands still until it is moved."""

    def __init__(self, store: ApprovalStore, settings: ApprovalSettings, hooks: tuple[str, ...] = ()) -> None:
        self.clock = StoppedClock(1_000 * S)
        self.settings = settings
        self.clockwork = Clockwork(
            now_ns=self.clock.now_ns, now_s=self.clock.steady_s, ids=Uuid7(self.clock), sealer=PlainSealer()
        )
        self.store = store
        self.book = Book(store, settings, self.clockwork, hooks)

    def wish(self, **more: Any) -> Wish:
        said = {
            "tenant": "acme", "by": "key/alice", "user": "alice", "action": "call_model", "resource": "fast",
            "shown": SHOWN, "digest": sha256(SHOWN).hexdigest(), "reasons": ("policy:ask-first",),
            "expires_ns": self.clock.now_ns() + 100 * S,
        }  # fmt: skip
        return Wish(**{**said, **more})

    def later(self, seconds: float) -> None:
        self.clock.at_ns += round(seconds * S)

    def ask(self, **more: Any) -> str:
        return self.book.ask(self.wish(**more)).id

    def state(self, approval_id: str) -> str:
        found = self.book.find(approval_id)
        assert found is not None
        return found.state


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    SqliteDatabase(tmp_path).close()
    made = SqliteApprovals(tmp_path)
    yield Rig(made, ApprovalSettings(), ("h",))
    made.close()


# --- answering


def test_a_yes_of_one_who_may_is_enough(rig: Rig) -> None:
    one = rig.ask()
    assert rig.state(one) == "waiting"
    approved = rig.book.approve(one, BOB, "go on")
    assert (approved.state, approved.wish.shown, approved.settled_ns) == ("approved", SHOWN, 1_000 * S)
    assert [(vote.by, vote.state, vote.note) for vote in approved.votes] == [("key/bob", "approved", "go on")]


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (Who(by="key/alice", grants=(Grant("owner", EVERYWHERE),)), "own_approval"),
        (somebody("alice-laptop", "approver", user="alice"), "own_approval"),
        (somebody("dave", "member"), "role_not_allowed"),
        (somebody("dave", "admin"), "role_not_allowed"),
        (somebody("dave", "auditor", "policy_author"), "role_not_allowed"),
        (somebody("dave", "approver", scope=Scope("other")), "approval_not_found"),
        (somebody("dave", "approver", scope=Scope("acme", "team")), "approval_not_found"),
        (somebody("dave"), "approval_not_found"),
    ],
)
@pytest.mark.parametrize("verb", ["approve", "reject", "modify"])
def test_those_who_may_not_answer_change_nothing(rig: Rig, who: Who, code: str, verb: str) -> None:
    one = rig.ask()
    action = json.loads(SHOWN) if verb == "modify" else None
    with pytest.raises((NotAllowed, NotFound)) as caught:
        getattr(rig.book, verb)(one, who, *([action] if verb == "modify" else []))
    assert caught.value.said_code == code
    assert rig.state(one) == "waiting"
    found = rig.book.find(one)
    assert found is not None
    assert found.votes == ()


@pytest.mark.parametrize(
    "who", [FIRST, COMMAND, somebody("olga", "owner"), somebody("eve", "approver", scope=EVERYWHERE)]
)
def test_an_owner_may_answer_too(rig: Rig, who: Who) -> None:
    assert rig.book.approve(rig.ask(), who).state == "approved"


def test_two_people_are_two_people(rig: Rig) -> None:
    one = rig.ask(needed=2)
    assert rig.book.approve(one, BOB).state == "waiting"
    with pytest.raises(BadRequest) as caught:
        rig.book.approve(one, BOB)
    assert (caught.value.said_code, caught.value.said_status) == ("voted_already", 409)
    assert rig.book.approve(one, CAROL).state == "approved"


def test_one_person_with_two_keys_counts_once(rig: Rig) -> None:
    one = rig.ask(needed=2)
    rig.book.approve(one, somebody("b1", "approver", user="bob"))
    with pytest.raises(BadRequest, match="approved"):
        rig.book.approve(one, somebody("b2", "approver", user="bob"))
    assert rig.state(one) == "waiting"


def test_one_no_settles_it_whoever_said_yes_before(rig: Rig) -> None:
    one = rig.ask(needed=2)
    rig.book.approve(one, BOB)
    assert rig.book.reject(one, BOB, "on second thoughts").state == "rejected"
    with pytest.raises(BadRequest) as caught:
        rig.book.approve(one, CAROL)
    assert caught.value.said_code == "approval_settled"


def test_another_action_is_approved_in_its_place_and_shown_by_what_differs(rig: Rig) -> None:
    one = rig.ask()
    action = json.loads(SHOWN) | {"request": {"max_tokens": 3, "stop": ["x"]}}
    found = rig.book.modify(one, BOB, action, "less")
    assert (found.state, json.loads(found.instead)) == ("modified", action)
    told = [(it.path, it.asked, it.approved, it.only) for it in shown(found).changes]
    assert told == [
        ("request.max_tokens", 5, 3, ""), ("request.user", "a", None, "asked"), ("request.stop", None, ["x"], "approved"),
    ]  # fmt: skip
    assert (
        sha256(found.instead).hexdigest()
        == sha256(json.dumps(action, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    )


def test_a_changed_action_needs_its_own_voices(rig: Rig) -> None:
    """What was approved before it was changed was another thing."""
    one = rig.ask(needed=2)
    rig.book.approve(one, BOB)
    assert rig.book.modify(one, CAROL, json.loads(SHOWN) | {"request": {}}).state == "waiting"
    with pytest.raises(BadRequest):
        rig.book.approve(one, CAROL)
    assert rig.book.approve(one, BOB).state == "modified"


@pytest.mark.parametrize(
    "action",
    [None, [], "x", {}, json.loads(SHOWN) | {"action": "use_tool"}, json.loads(SHOWN) | {"endpoint": "/v1/embeddings"}],
)
def test_no_other_kind_of_action_takes_its_place(rig: Rig, action: object) -> None:
    one = rig.ask()
    with pytest.raises(BadRequest):
        rig.book.modify(one, BOB, action)
    assert rig.state(one) == "waiting"


def test_what_is_approved_is_taken_once_and_by_its_tenant(rig: Rig) -> None:
    one = rig.ask()
    assert not rig.book.use("acme", one)
    rig.book.approve(one, BOB)
    assert not rig.book.use("other", one)
    assert [rig.book.use("acme", one), rig.book.use("acme", one)] == [True, False]
    assert not rig.book.use("acme", "none")
    rejected = rig.ask()
    rig.book.reject(rejected, BOB)
    assert not rig.book.use("acme", rejected)


def test_it_is_taken_back_by_whoever_asked(rig: Rig) -> None:
    one = rig.ask()
    with pytest.raises(NotFound):
        rig.book.cancel(one, "key/x", tenant="other")
    assert rig.book.cancel(one, "key/alice", tenant="acme").state == "cancelled"
    with pytest.raises(BadRequest):
        rig.book.cancel(one, "key/alice")


def test_too_many_that_wait_are_refused(tmp_path: Path) -> None:
    SqliteDatabase(tmp_path).close()
    rig = Rig(SqliteApprovals(tmp_path), ApprovalSettings(most_waiting=1))
    rig.ask()
    assert rig.ask() == rig.book.page("acme")[0].id
    with pytest.raises(OverLimit):
        rig.ask(digest="other")


# --- time


def test_what_nobody_answers_lapses_whether_or_not_anybody_looks(rig: Rig) -> None:
    one = rig.ask()
    rig.later(99.9)
    assert rig.state(one) == "waiting"
    rig.later(0.2)
    assert rig.state(one) == "expired"
    with pytest.raises(BadRequest) as caught:
        rig.book.approve(one, BOB)
    assert caught.value.said_code == "approval_settled"
    assert not rig.book.use("acme", one)
    assert rig.book.pass_time() == 1
    assert rig.book.pass_time() == 0
    stored = rig.store.one(one)
    assert stored is not None
    assert stored.state == "expired"


def test_what_waits_for_too_long_is_put_before_others_too(rig: Rig) -> None:
    one = rig.ask(escalates_ns=rig.clock.now_ns() + 50 * S, escalate_to="admin")
    admin = somebody("ada", "admin")
    with pytest.raises(NotAllowed):
        rig.book.approve(one, admin)
    rig.later(50)
    assert rig.book.pass_time() == 1
    assert rig.book.pass_time() == 0
    found = rig.store.one(one)
    assert found is not None
    assert found.escalated
    assert rig.book.approve(one, admin).state == "approved"


def test_settled_ones_are_dropped_after_their_days(tmp_path: Path) -> None:
    SqliteDatabase(tmp_path).close()
    rig = Rig(SqliteApprovals(tmp_path), ApprovalSettings(days=1))
    one, other = rig.ask(), rig.ask(digest="b", expires_ns=rig.clock.now_ns() + 9 * 86_400 * S)
    rig.book.reject(one, BOB)
    rig.later(86_401)
    rig.book.pass_time()
    assert rig.book.find(one) is None
    assert rig.state(other) == "waiting"


# --- waiting


async def test_a_yes_in_another_process_wakes_whoever_waits(postgres: Postgres) -> None:
    place = postgres.place()
    PostgresDatabase(place).close()
    here, there = Rig(PostgresApprovals(place), ApprovalSettings()), Rig(PostgresApprovals(place), ApprovalSettings())
    looks: list[float] = []

    async def pause(seconds: float) -> None:
        looks.append(seconds)
        here.later(seconds)
        if len(looks) == 6:
            await asyncio.to_thread(there.book.approve, found.id, BOB)

    people = People(here.book, here.clockwork, pause)
    found = await people.ask(here.wish())
    until_s = here.clock.steady_s() + 60
    settled = await people.wait("acme", found.id, until_s)
    assert settled.state == "approved"
    assert looks == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert await people.use("acme", found.id)
    assert not await People(there.book, there.clockwork).use("acme", found.id)
    for one in (here, there):
        one.store.close()


async def test_nobody_waits_longer_than_they_may(rig: Rig) -> None:
    async def pause(seconds: float) -> None:
        rig.later(seconds)

    people = People(rig.book, rig.clockwork, pause)
    found = await people.ask(rig.wish())
    began_s = rig.clock.steady_s()
    assert (await people.wait("acme", found.id, began_s + 2.5)).state == "waiting"
    assert rig.clock.steady_s() == pytest.approx(began_s + 2.5)
    assert await people.find("other", found.id) is None
    with pytest.raises(NotFound):
        await people.wait("other", found.id, began_s + 9)


# --- telling


class Receiver:
    """A webhook on a real socket."""

    def __init__(self) -> None:
        self.came: list[tuple[dict[str, str], bytes]] = []
        self._writers: list[asyncio.StreamWriter] = []
        self.status = 200

    async def start(self) -> "Receiver":
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def close(self) -> None:
        self.server.close()
        for one in self._writers:
            one.close()
            with contextlib.suppress(ConnectionError):
                await one.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
                self.came.append((headers, await reader.readexactly(int(headers["content-length"]))))
                writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % self.status)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = await Receiver().start()
    yield made
    await made.close()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    made = Client()
    yield made
    made.close()


def telling(directory: Path, client: Client, receiver: Receiver, **more: Any) -> tuple[Rig, Telling]:
    SqliteDatabase(directory).close()
    hook = NotifySettings(url=Secret(f"http://127.0.0.1:{receiver.port}/hook"), **more)
    settings = ApprovalSettings(notify=[hook], link="https://console.example/approvals/{id}")
    rig = Rig(SqliteApprovals(directory), settings, (name_of(hook),))
    return rig, Telling(rig.book, settings, client, rig.clock.now_ns, rig.clock.steady_s)


async def test_those_who_are_told_hear_of_it_once_signed(tmp_path: Path, client: Client, receiver: Receiver) -> None:
    rig, job = telling(tmp_path, client, receiver, secret=Secret("shared"))
    one = rig.ask()
    assert [await job.step(), await job.step()] == [1, 0]
    rig.book.approve(one, BOB)
    assert await job.step() == 1
    (headers, body), (_, second) = receiver.came
    said = json.loads(body)
    assert (said["event"], said["link"]) == ("approval.asked", f"https://console.example/approvals/{one}")
    assert (said["approval"]["id"], said["approval"]["reasons"]) == (one, ["policy:ask-first"])
    assert "shown" not in said["approval"]
    assert json.loads(second)["approval"]["state"] == "approved"
    stamp, _, digest = headers["x-antiphon-signature"].partition(",v1=")
    wanted = hmac.new(b"shared", f"{stamp.removeprefix('t=')}.".encode() + body, sha256).hexdigest()
    assert hmac.compare_digest(digest, wanted)


async def test_a_chat_gets_blocks_in_which_nobody_can_write_their_own(
    tmp_path: Path, client: Client, receiver: Receiver
) -> None:
    rig, job = telling(tmp_path, client, receiver, form="slack", shown=True)
    evil = b'{"action":"call_model","request":"<!channel> ``` <https://evil.example|ok> &"}'
    rig.ask(resource="<@U1>", shown=evil)
    await job.step()
    ((_, body),) = receiver.came
    said = json.loads(body)
    assert [block["type"] for block in said["blocks"]] == ["section", "section", "section", "actions"]
    assert "<" not in said["text"]
    code = said["blocks"][2]["text"]["text"]
    assert code.count("```") == 2
    assert "<" not in code
    assert said["blocks"][3]["elements"][0]["url"].startswith("https://console.example/approvals/")
    assert all(len(block["text"]["text"]) <= 3000 for block in said["blocks"] if "text" in block)


async def test_one_that_does_not_take_it_is_tried_again_and_then_given_up(
    tmp_path: Path, client: Client, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    rig, job = telling(tmp_path, client, receiver, tries=3)
    receiver.status = 500
    one = rig.ask(expires_ns=rig.clock.now_ns() + 10_000 * S)
    with caplog.at_level(logging.ERROR):
        for wait_s, tried in ((0.0, 1), (1.9, 0), (0.2, 1), (7.9, 0), (0.2, 1), (999.0, 0)):
            rig.later(wait_s)
            assert await job.step() == tried
    assert len(receiver.came) == 3
    assert [record.message for record in caplog.records] == ["approval.not_told"]
    found = rig.book.find(one)
    assert found is not None
    assert shown(found, rig.store.dead(one)).untold == ["asked: it answered 500"]


async def test_a_receiver_that_is_away_is_left_alone(tmp_path: Path, client: Client, receiver: Receiver) -> None:
    rig, job = telling(tmp_path, client, receiver, tries=10)
    receiver.status = 503
    for number in range(12):
        rig.ask(digest=str(number))
    assert await job.step() == 12
    assert len(receiver.came) <= 12
    came = len(receiver.came)
    rig.later(2.5)
    assert await job.step() == 12
    assert len(receiver.came) == came  # its breaker is open


async def test_a_receiver_that_is_told_no_more_is_dropped(tmp_path: Path, client: Client, receiver: Receiver) -> None:
    rig, _ = telling(tmp_path, client, receiver)
    rig.ask()
    other = NotifySettings(url=Secret(f"http://127.0.0.1:{receiver.port}/other"))
    settings = ApprovalSettings(notify=[other])
    job = Telling(rig.book, settings, client, rig.clock.now_ns, rig.clock.steady_s)
    assert await job.step() == 1
    assert receiver.came == []


# --- what differs


@pytest.mark.parametrize(
    ("asked", "approved", "paths"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 1.0}, ["a"]),
        ({"a": True}, {"a": 1}, ["a"]),
        ({"a": [1, 2, 3]}, {"a": [1, 9]}, ["a[1]", "a[2]"]),
        ({"a": {"b": None}}, {"a": {}}, ["a.b"]),
        ([], {}, [""]),
    ],
)
def test_every_place_that_differs_is_named(asked: object, approved: object, paths: list[str]) -> None:
    assert [one.path for one in differences(asked, approved)] == paths


def test_a_list_of_differences_ends() -> None:
    assert len(list(differences(list(range(1000)), []))) == 200


def test_what_is_kept_is_sealed(rig: Rig) -> None:
    one: Approval | None = rig.store.one(rig.ask())
    assert one is not None
    assert one.wish.shown == PlainSealer().seal(SHOWN, f"approval/{one.id}", tenant="acme", subject="alice")
