from pathlib import Path

import pytest
from console_desk import Office

COOKIE = "antiphon-console"


async def test_nobody_sees_a_page_before_they_have_signed_in(office: Office) -> None:
    office.keep_odd()
    for path in ("/console/receipts", "/console/spend", "/console/approvals", "/console/nothing"):
        asked = await office.ask("GET", path)

        assert (asked.status, asked.headers["location"], asked.body) == (303, "/console/sign-in", b"")


async def test_a_script_that_asks_without_a_session_is_led_as_scripts_are(office: Office) -> None:
    asked = await office.ask("GET", "/console/receipts", hx_request="true")

    assert (asked.status, asked.headers["hx-redirect"]) == (401, "/console/sign-in")


async def test_a_key_opens_a_session_whose_cookie_no_script_reads_and_no_other_site_sends(office: Office) -> None:
    asked = await office.ask("POST", "/console/sign-in", {"key": "first"})

    assert (asked.status, asked.headers["location"]) == (303, "/console/receipts")
    token, *flags = asked.headers["set-cookie"].split("; ")
    assert token.startswith(f"{COOKIE}=")
    assert len(token) > 40
    assert {"HttpOnly", "SameSite=Strict", "Path=/console", "Max-Age=3600"} == set(flags)
    assert "first" not in token


async def test_under_tls_the_cookie_is_bound_to_this_host_and_to_tls(tmp_path: Path) -> None:
    asked = await Office(tmp_path, secure=True).ask("POST", "/console/sign-in", {"key": "first"})

    token, *flags = asked.headers["set-cookie"].split("; ")
    assert token.startswith("__Host-antiphon-console=")
    assert {"Secure", "Path=/", "HttpOnly", "SameSite=Strict"} < set(flags)


@pytest.mark.parametrize("key", ["", "   ", "sk-nobody-1", "x" * 20_000, "ключ"])
async def test_no_other_key_opens_one(office: Office, key: str) -> None:
    asked = await office.ask("POST", "/console/sign-in", {"key": key})

    assert asked.status == 401
    assert "set-cookie" not in asked.headers
    assert not key.strip() or key not in asked.body.decode()
    assert len(office.signed_in) == 0


@pytest.mark.parametrize(
    "target", ["/console/sign-in?next=//evil.test/", "/console/?next=https://evil.test", "/console"]
)
async def test_nothing_that_a_request_says_leads_elsewhere(office: Office, target: str) -> None:
    method, fields = ("POST", {"key": "first", "next": "//evil.test"}) if "sign-in" in target else ("GET", None)
    asked = await office.ask(method, target, fields)

    assert asked.headers["location"] == "/console/receipts"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "https://evil.test"},
        {"origin": "null"},
        {"origin": "http://[gate"},
        {"origin": "http://gate:8081", "sec_fetch_site": "cross-site"},
    ],
)
async def test_a_form_of_another_site_is_refused(office: Office, headers: dict[str, str]) -> None:
    assert (await office.ask("POST", "/console/sign-in", {"key": "first"}, **headers)).status == 403

    await office.sign_in()
    assert (await office.ask("POST", "/console/sign-out", {"csrf": office.csrf}, **headers)).status == 403
    assert len(office.signed_in) == 1


@pytest.mark.parametrize("csrf", [None, "", "wrong"])
async def test_a_form_without_the_session_s_own_token_is_refused(office: Office, csrf: str | None) -> None:
    await office.sign_in()
    fields = {} if csrf is None else {"csrf": csrf}

    for path in ("/console/sign-out", "/console/receipts/some/content", "/console/approvals/some"):
        assert (await office.ask("POST", path, fields, origin="http://gate:8081")).status == 403
    assert len(office.signed_in) == 1


async def test_a_token_of_another_session_is_refused(office: Office) -> None:
    theirs = (await office.sign_in()).csrf
    await office.sign_in("admin")
    assert len(office.signed_in) == 1, "who signs in anew leaves no session behind"

    assert (await office.ask("POST", "/console/sign-out", {"csrf": theirs})).status == 403


async def test_signing_out_ends_the_session(office: Office) -> None:
    await office.sign_in()
    asked = await office.ask("POST", "/console/sign-out", {"csrf": office.csrf}, origin="http://gate:8081")

    assert (asked.status, asked.headers["location"]) == (303, "/console/sign-in")
    assert "Max-Age=0" in asked.headers["set-cookie"]
    assert (await office.ask("GET", "/console/receipts")).status == 303


async def test_a_session_ends_when_its_time_is_over(office: Office) -> None:
    await office.sign_in()
    office.clock.at_ns += 3599 * 10**9
    assert (await office.ask("GET", "/console/spend")).status == 200

    office.clock.at_ns += 1 * 10**9
    assert (await office.ask("GET", "/console/spend")).status == 303
    assert len(office.signed_in) == 0


async def test_a_session_ends_with_the_key_that_it_stands_for(office: Office) -> None:
    await office.sign_in()
    del office.people["first"]

    assert (await office.ask("GET", "/console/spend")).status == 303
    assert len(office.signed_in) == 0


async def test_so_many_sessions_are_kept_and_no_more(office: Office) -> None:
    office.signed_in._most = 3
    cookies: list[str] = []
    for _ in range(4):
        office.cookie = ""
        cookies.append((await office.sign_in()).cookie)

    assert len(office.signed_in) == 3
    office.cookie = cookies[0]
    assert (await office.ask("GET", "/console/spend")).status == 303
    office.cookie = cookies[1]
    assert (await office.ask("GET", "/console/spend")).status == 200


async def test_who_comes_in_is_noted_and_who_can_t_be_noted_stays_out(office: Office) -> None:
    await office.sign_in("auditor")
    (event,) = office.noted()
    assert (event["kind"], event["by"]) == ("login.console", "key/a")

    office.audit.away = True
    asked = await office.ask("POST", "/console/sign-in", {"key": "auditor"})
    assert asked.status == 503
    assert "set-cookie" not in asked.headers


async def test_a_proxy_may_change_the_host_where_the_browser_says_that_the_form_is_of_this_origin(
    office: Office,
) -> None:
    asked = await office.ask(
        "POST", "/console/sign-in", {"key": "first"}, origin="https://console.test", sec_fetch_site="same-origin"
    )

    assert asked.status == 303
