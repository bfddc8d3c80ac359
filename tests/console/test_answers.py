import asyncio
import threading
from pathlib import Path

import pytest
from console_desk import Office
from msgspec import structs

from antiphon.console import assets
from antiphon.console.site import MOST_AT_ONCE
from antiphon.core.spend import Lines, Question, Spending

PAGES = ["receipts", "spend", "deployments", "approvals", "policies", "audit", "sign-in", "nothing", "receipts/none"]
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


@pytest.mark.parametrize("page", PAGES)
async def test_every_page_lets_nothing_in_from_elsewhere_and_is_kept_by_nobody(office: Office, page: str) -> None:
    await office.sign_in()
    asked = await office.ask("GET", f"/console/{page}")

    headers = asked.headers
    assert dict(one.strip().split(" ", 1) for one in headers["content-security-policy"].split(";")) == POLICY
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["content-type"] == "text/html; charset=utf-8"


async def test_what_leads_elsewhere_in_the_console_is_kept_by_nobody_either(office: Office) -> None:
    for path in ("/console", "/console/receipts"):
        headers = (await office.ask("GET", path)).headers
        assert headers["cache-control"] == "no-store"
        assert "content-security-policy" in headers


@pytest.mark.parametrize("name", sorted(path.name for path in assets.DIRECTORY.iterdir()))
async def test_a_file_is_served_as_what_it_is_and_asked_for_anew_by_its_tag(office: Office, name: str) -> None:
    asked = await office.ask("GET", f"/console/static/{name}")

    assert asked.status == 200
    assert asked.body == (assets.DIRECTORY / name).read_bytes()
    assert asked.headers["x-content-type-options"] == "nosniff"
    assert asked.headers["content-type"].split(";")[0] in {"text/css", "text/javascript", "image/svg+xml"}

    again = await office.ask("GET", f"/console/static/{name}", if_none_match=asked.headers["etag"])
    assert (again.status, again.raw) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "../settings.py",
        "..%2fsettings.py",
        "%2e%2e/settings.py",
        "....//settings.py",
        "/etc/passwd",
        "%2Fetc%2Fpasswd",
        "console.css/../../settings.py",
        "..\\settings.py",
        "console.css%00.js",
        "",
        ".",
        "templates/base.html",
    ],
)
async def test_no_other_file_is_reached(office: Office, path: str) -> None:
    asked = await office.ask("GET", f"/console/static/{path}")

    assert asked.status == 404
    assert b"ConsoleSettings" not in asked.body
    assert b"root:" not in asked.body


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/console/receipts", "GET"),
        ("DELETE", "/console/spend", "GET"),
        ("GET", "/console/receipts/some/content", "POST"),
        ("PUT", "/console/approvals/some", "GET, POST"),
        ("GET", "/console/sign-out", "POST"),
        ("PUT", "/console/sign-in", "GET, HEAD, POST"),
        ("POST", "/console/static/console.css", "GET, HEAD"),
    ],
)
async def test_a_method_that_a_page_has_not_is_refused(office: Office, method: str, path: str, allow: str) -> None:
    await office.sign_in()
    asked = await office.ask(method, path, {"csrf": office.csrf} if method == "POST" else None)

    assert (asked.status, asked.headers["allow"]) == (405, allow)


async def test_a_head_is_answered_without_the_page(office: Office) -> None:
    await office.sign_in()
    asked = await office.ask("HEAD", "/console/spend")

    assert (asked.status, asked.raw) == (200, b"")


async def test_a_crash_is_a_page_too_and_says_nothing_of_why(office: Office) -> None:
    await office.sign_in()
    office.serve(structs.replace(office.desk, clock=None))
    asked = await office.ask("GET", "/console/spend")

    assert asked.status == 500
    assert b"see the gateway&#39;s log" in asked.body
    assert b"NoneType" not in asked.body
    assert b"Traceback" not in asked.body


@pytest.mark.parametrize("query", ["a=1&" * 40, "model=%00", "time=year", "since=nonsense", "outcome=odd"])
async def test_what_can_t_be_read_is_answered(office: Office, query: str) -> None:
    await office.sign_in()
    page = "spend" if query.startswith("time") else "receipts"
    asked = await office.ask("GET", f"/console/{page}?{query}")

    assert asked.status == 400
    assert b"<h1" in asked.body


async def test_a_body_that_is_no_form_is_refused(office: Office) -> None:
    asked = await office.ask("POST", "/console/sign-in", {"key": "first"}, content_type="text/plain")

    assert asked.status == 415


def test_what_others_wrote_is_named_with_its_licence() -> None:
    notice = (Path(__file__).parents[2] / "THIRD_PARTY.md").read_text("utf-8")
    theirs = [path.name for path in assets.DIRECTORY.iterdir() if ".min." in path.name]

    assert len(theirs) == 3
    assert [name for name in theirs if f"{name}`" not in notice] == []


async def test_few_pages_are_made_at_once_and_others_wait_for_their_turn(office: Office) -> None:
    await office.sign_in()
    held, free = threading.Semaphore(0), threading.Event()

    class Slow(Spending):
        def sums(self, question: Question, timeout_s: float) -> Lines:
            held.release()
            free.wait(20)
            return Lines(lines=[])

    office.serve(structs.replace(office.desk, spending=Slow()))
    running = [asyncio.ensure_future(office.ask("GET", "/console/spend")) for _ in range(MOST_AT_ONCE)]
    for _ in running:
        await asyncio.to_thread(held.acquire, timeout=20)

    waiting = asyncio.ensure_future(office.ask("GET", "/console/policies"))
    await asyncio.sleep(0)
    assert not waiting.done()
    free.set()
    assert [one.status for one in await asyncio.gather(*running, waiting)] == [200] * (MOST_AT_ONCE + 1)
    assert office.site.turns._value == MOST_AT_ONCE


async def test_a_page_that_waits_too_long_for_its_turn_is_refused(office: Office) -> None:
    await office.sign_in()
    office.site = structs.replace(office.site, wait_s=0.0)
    for _ in range(MOST_AT_ONCE):
        await office.site.turns.acquire()
    asked = await office.ask("GET", "/console/policies")

    assert (asked.status, asked.headers["retry-after"]) == (503, "5")
