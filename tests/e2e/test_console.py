"""The console in a real browser: every page in both schemes, wide and narrow, and what people do with them."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from console_desk import ACTION, Office
from msgspec import structs
from odd_receipts import whole
from playwright.sync_api import Browser
from spent import store

from antiphon.metering.captured import Captured
from antiphon.net.listener import Listener, bind
from antiphon.net.settings import Bounds
from antiphon.store.database import Batch
from antiphon.store.sqlite import SqliteDatabase
from antiphon.vault.local import LocalSealer
from rig.browser import Open, browser, chromium, tabs
from rig.config import ALICE, KEYS, ROOT, to_upstream
from rig.fixtures import Start
from rig.gateway import Gateway
from rig.loop import LoopThread
from rig.scripts import completion
from rig.upstream import Upstream
from rig.upstream import whole as whole_answer
from rig.wait import until

pytestmark = pytest.mark.processes
PAGES = [
    "sign-in",
    "receipts",
    "receipts?model=nobody",
    "receipts/RICH",
    "receipts/none",
    "spend",
    "deployments",
    "agents",
    "runs",
    "inbox",
    "approvals",
    "approvals?state=settled",
    "approvals/WAITING",
    "approvals/CHANGED",
    "policies",
    "audit",
]
WIDE, NARROW = 1280, 390
GONE = "ERR_(CONNECTION_(REFUSED|RESET|CLOSED)|EMPTY_RESPONSE)|status of 503"
"""What a browser says of a gateway that ends, by where its request is just then."""
CHAT = {"model": "gpt-test", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]}


class Served:
    """The console, full of odd things, on a port."""

    def __init__(self, office: Office) -> None:
        self.office = office
        now_ns = office.clock.at_ns = time.time_ns()
        office.keep_odd()
        self.captured = structs.replace(whole(now_ns - 10**9, 99), captured=True)
        store(office.directory, [self.captured])
        said = Captured(request=json.dumps(ACTION).encode(), answer=b"data: {}\n" * 60, cut=True)
        sealer = LocalSealer(office.directory / "local.key")
        sealed = sealer.seal(msgspec.msgpack.encode(said), f"acme/{self.captured.id}")
        database = SqliteDatabase(office.directory)
        database.write(Batch(contents=[(self.captured.id, "acme", sealed)]))
        database.close()
        self.waiting = office.wish()
        changed = office.wish(needed=1, digest="c" * 64)
        office.book.modify(changed.id, office.people["ada"].who, {**ACTION, "max_tokens": 5}, "less " * 50)
        office.wish(resource="<b>long</b>" * 40, digest="b" * 64)
        rich = office.desk.records.between("", "~", 50, None, None)
        self.names = {"RICH": rich[1].id, "WAITING": self.waiting.id, "CHANGED": changed.id}
        office.noted()
        self.sock = bind("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.sock.getsockname()[1]}"

    @asynccontextmanager
    async def listening(self):
        listener = Listener(self.office.site.handle, lambda _, message: (b"", message.encode()), Bounds())
        await listener.start(self.sock)
        yield self
        await listener.drain(1)

    def path(self, page: str) -> str:
        for name, value in self.names.items():
            page = page.replace(name, value)
        return f"/console/{page}"


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with browser(program) as started:
        yield started


@pytest.fixture
def tab(chrome: Browser) -> Iterator[Open]:
    with tabs(chrome) as opened:
        yield opened


@pytest.fixture(scope="module")
def served(servers: LoopThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    context = Served(Office(tmp_path_factory.mktemp("console"))).listening()
    yield servers.enter(context)
    servers.leave(context)


@pytest.mark.parametrize(("scheme", "width"), [("light", WIDE), ("dark", NARROW)])
def test_every_page_is_usable_by_all_and_no_wider_than_the_window(
    tab: Open, served: Served, scheme: str, width: int
) -> None:
    one = tab(served.url, scheme, width, expects="status of 404")
    one.sign_in("first")
    for page in PAGES:
        one.go(served.path(page))

        assert (page, one.faults()) == (page, [])
        for px in (WIDE, NARROW):
            one.page.set_viewport_size({"width": px, "height": 800})
            assert (page, px, one.overflow_px()) == (page, px, 0)
        one.page.set_viewport_size({"width": width, "height": 800})
        assert "owned" not in one.page.title()


def test_the_keyboard_alone_leads_through(tab: Open, served: Served) -> None:
    page = tab(served.url).sign_in("first").page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_what_was_said_is_shown_when_asked_for(tab: Open, served: Served) -> None:
    one = tab(served.url).sign_in("auditor").go(f"/console/receipts/{served.captured.id}")
    assert "EMAIL_7F3A91C2" not in one.text()

    one.page.get_by_role("button", name="Show what was said").click()

    one.page.get_by_role("region", name="What was asked").wait_for()
    assert "[[EMAIL_7F3A91C2]]" in one.text()
    assert one.faults() == []


def test_two_people_approve_one_after_the_other(tab: Open, served: Served) -> None:
    approval = served.office.wish(digest="f" * 64)
    for who, said in (("ada", "Your vote is in."), ("bea", "Approved.")):
        one = tab(served.url).sign_in(who).go("/console/approvals").go(f"/console/approvals/{approval.id}")
        one.page.get_by_label("Note").fill("looks right")
        one.page.get_by_role("button", name="Approve", exact=True).click()
        one.page.get_by_role("status").filter(has_text=said).wait_for()
        assert one.faults() == []
    found = served.office.book.find(approval.id)
    assert found is not None
    assert found.state == "approved"


def test_charts_are_drawn_and_follow_the_width(tab: Open, served: Served) -> None:
    one = tab(served.url).sign_in("first").go("/console/spend")
    canvas = one.page.locator(".chart canvas").first
    canvas.wait_for()
    wide = canvas.bounding_box()
    one.page.set_viewport_size({"width": 390, "height": 800})
    until(lambda: canvas.evaluate("one => one.clientWidth") < 390, "a narrower chart")
    assert wide is not None
    assert wide["width"] > 390


def with_console(up: Upstream, **more: object) -> dict[str, object]:
    return {**to_upstream(up.url), "admin": {"port": 0}, "console": {"refresh_s": 1}, **more}


def address(gateway: Gateway) -> str:
    return (gateway.data / "admin.url").read_text().strip()


def test_requests_come_in_while_somebody_looks(start: Start, up: Upstream, tab: Open) -> None:
    up.script = whole_answer(completion("Hello!"))
    gateway = start(with_console(up, storage={"capture": "content", "ship_interval_s": 0.05}), key=ALICE)
    one = tab(address(gateway)).sign_in((gateway.data / "admin.key").read_text().strip())
    assert f"The console is at {one.url}/console/." in gateway.log_file.read_text()
    assert "No receipts here" in one.text()

    answer = gateway.chat(CHAT)

    row = one.page.locator(f'a[href="/console/receipts/{answer.receipt_id}"]')
    row.wait_for()
    row.click()
    one.page.get_by_role("heading", name="Waterfall").wait_for()
    assert "gpt-test" in one.text()
    assert answer.receipt_id in one.text()
    one.page.get_by_role("button", name="Show what was said").click()
    one.page.get_by_role("region", name="What was answered").wait_for()
    assert "Hello!" in one.text()
    one.go("/console/deployments")
    one.page.get_by_role("main").get_by_text("working").first.wait_for()
    one.page.get_by_role("button", name="Sign out").click()
    one.page.wait_for_url("**/sign-in")
    one.go("/console/spend")
    assert one.page.url.endswith("/sign-in")


ASKS = """\
@id("ask.first")
@approve("approver")
forbid (principal, action == Action::"call_model", resource);
"""
BOSS = {"name": "boss", "key": "sk-boss-0001", "tenant": "acme", "user": "boss@acme.test", "roles": ["approver"]}


def test_a_call_that_a_policy_holds_goes_through_once_somebody_approves_it_here(
    start: Start, up: Upstream, tab: Open, tmp_path: Path
) -> None:
    (tmp_path / "asks.cedar").write_text(ASKS)
    up.script = whole_answer(completion("Hello!"))
    config = with_console(up, policy={"files": ["asks.cedar"]})
    gateway = start({**config, "keys": [*KEYS, BOSS]}, key=ALICE)
    asked = gateway.chat(CHAT)
    assert asked.status == 202
    ticket = re.findall(r"x-antiphon-approval: (\S+)", asked.error["message"])[0]

    one = tab(address(gateway)).sign_in("sk-boss-0001").go("/console/approvals")
    one.page.locator(f'a[href="/console/approvals/{ticket}"]').click()
    one.page.get_by_role("region", name="The exact action, as JSON").wait_for()
    assert '"Hi"' in one.text()
    one.page.get_by_role("button", name="Approve", exact=True).click()
    one.page.get_by_role("status").filter(has_text="Approved.").wait_for()

    assert gateway.chat(CHAT, headers={"x-antiphon-approval": ticket}).status == 200
    one.go(f"/console/approvals/{ticket}")
    assert "and used" in one.text()


def test_a_page_that_looks_again_says_when_the_gateway_is_gone(start: Start, up: Upstream, tab: Open) -> None:
    gateway = start(with_console(up))
    one = tab(address(gateway), expects=f"{GONE}|htmx:(sendError|afterRequest|responseError)").sign_in(ROOT)
    gateway.stop()

    one.page.get_by_role("status").filter(has_text="can’t be reached").wait_for()


def test_wrong_keys_are_slowed_down_and_the_right_one_is_not(start: Start, up: Upstream, tab: Open) -> None:
    gateway = start(with_console(up, identity={"throttle": {"failures": 3, "first_s": 600, "most_s": 600}}))
    one = tab(address(gateway), expects="status of 4").go("/console/sign-in")
    statuses: list[int] = []
    one.page.on("response", lambda answer: statuses.append(answer.status) if answer.request.method == "POST" else None)
    for number in range(5):
        one.page.get_by_label("Key").fill(f"sk-nobody-000{number}")
        with one.page.expect_navigation():
            one.page.get_by_role("button", name="Sign in").click()

    assert statuses == [401, 401, 401, 429, 429]
    one.sign_in((gateway.data / "admin.key").read_text().strip())
