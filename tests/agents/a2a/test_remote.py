"""Agents elsewhere, asked over A2A: a2a-sdk's server in both bindings and in 0.3."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from a2a_peer import Heard, peer
from remotes import Far, context, document, far

from antiphon.agents.a2a.document import KIND, check_remote
from antiphon.agents.a2a.remote import Remotes
from antiphon.agents.documents.library import Library
from antiphon.calls.settings_failure import BreakerSettings
from antiphon.core.request import Trace
from antiphon.core.secret import Secret
from antiphon.core.verdict import Verdict
from antiphon.store.runs_sqlite import SqliteRuns
from antiphon.store.sqlite import SqliteDatabase

FACES = ["rpc", "rest", "old"]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Heard]]:
    with peer() as found:
        yield found


FAR: list[Far] = []


@pytest.fixture(autouse=True)
async def gateway(tmp_path: Path) -> AsyncIterator[None]:
    async with far(tmp_path / "gateway") as found:
        FAR[:] = [found]
        yield


def remotes(url: str, **fields: Any) -> Remotes:
    return FAR[0].remotes(url, **fields)


@pytest.mark.parametrize("face", FACES)
async def test_a_task_is_done_and_its_answer_comes_from_strangers(server: tuple[str, Heard], face: str) -> None:
    asked = remotes(f"{server[0]}/{face}", cost_usd=0.002)
    result = await asked.ask("echo", "hello", None, context())
    assert (result.text, result.failed) == ("echo: hello", "")
    assert result.origins.untrusted
    assert result.origins.sources == ("a2a/echo",)
    assert result.cost_nano_usd == 2_000_000 == asked.most("echo")[1]
    assert asked.skills("echo") == ("echo",)


@pytest.mark.parametrize("face", FACES)
async def test_a_task_goes_in_the_trace_that_it_is_asked_within(server: tuple[str, Heard], face: str) -> None:
    server[1].heads.clear()
    trace = Trace(trace_id="4bf92f3577b34da6a3ce929d0e0e4736", parent_id="00f067aa0ba902b7", sampled=True, state="a=1")
    await remotes(f"{server[0]}/{face}").ask("echo", "hello", None, context(trace=trace))
    headers = next(one[2] for one in server[1].heads if one[0] == "POST")
    assert headers["traceparent"] == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert headers["tracestate"] == "a=1"


@pytest.mark.parametrize("face", FACES)
async def test_a_task_that_failed_says_why(server: tuple[str, Heard], face: str) -> None:
    result = await remotes(f"{server[0]}/{face}").ask("echo", "fail", None, context())
    assert result.failed == "failed"
    assert "I can't" in result.text
    assert result.cost_nano_usd == 0


@pytest.mark.parametrize("face", FACES)
async def test_a_task_that_needs_an_answer_goes_on_with_it(server: tuple[str, Heard], face: str) -> None:
    asked = remotes(f"{server[0]}/{face}")
    first = await asked.ask("echo", "ask", None, context())
    assert first.failed == "input_required"
    assert "Which colour?" in first.text
    second = await asked.ask("echo", "blue", {"a2a_task": first.data["a2a_task"]}, context("run/2.0"))
    assert second.text == "echo: blue"


async def test_a_model_goes_on_with_a_task_by_what_it_writes(server: tuple[str, Heard]) -> None:
    asked = remotes(f"{server[0]}/rpc")
    first = await asked.ask("echo", "ask", None, context())
    word = f"a2a_task: {first.data['a2a_task']}"
    assert word in first.text
    second = await asked.ask("echo", f"{word} blue", None, context("run/2.0"))
    assert second.text == "echo: blue"


@pytest.mark.parametrize("face", FACES)
async def test_a_task_that_takes_too_long_is_told_to_stop(server: tuple[str, Heard], face: str) -> None:
    server[1].heads.clear()
    remote = remotes(f"{server[0]}/{face}", timeout_s=1.0)
    await remote.look()  # its card is not part of what takes long
    result = await remote.ask("echo", "hang", None, context())
    assert (result.failed, result.unknown) == ("timeout", True)
    asked = server[1].heads[-1]
    assert asked[0] == "POST"
    assert asked[1].endswith(":cancel" if face == "rest" else "/rpc")


async def test_the_card_is_asked_once_and_the_credential_goes_along(server: tuple[str, Heard]) -> None:
    server[1].heads.clear()
    asked = remotes(f"{server[0]}/rpc", token=Secret("t0k"))
    await asked.ask("echo", "one", None, context("a"))
    await asked.ask("echo", "two", None, context("b"))
    cards = [head for head in server[1].heads if head[1].endswith("agent-card.json")]
    assert len(cards) == 1
    assert {head[2]["authorization"] for head in server[1].heads} == {"Bearer t0k"}


async def test_what_is_too_sensitive_or_forbidden_is_not_sent(server: tuple[str, Heard]) -> None:
    server[1].heads.clear()
    secret = await remotes(f"{server[0]}/rpc").ask("echo", "x", None, context(data_class="restricted"))
    assert secret.failed == "refused"
    denied = remotes(f"{server[0]}/rpc", may=lambda *_: Verdict(allowed=False, reasons=("no.remote",)))
    assert "no.remote" in (await denied.ask("echo", "x", None, context())).text
    asks = remotes(f"{server[0]}/rpc", may=lambda *_: Verdict(allowed=True, obligations=_approve()))
    assert (await asks.ask("echo", "x", None, context())).failed == "needs_approval"
    assert (await asks.ask("nobody", "x", None, context())).failed == "not_found"
    assert server[1].heads == []


async def test_one_that_fails_again_and_again_is_left_alone(server: tuple[str, Heard]) -> None:
    asked = remotes("http://127.0.0.1:9/none", breaker=BreakerSettings(consecutive_failures=2))
    results = [await asked.ask("echo", "x", None, context(str(number))) for number in range(3)]
    assert [one.failed for one in results] == ["upstream_unreachable", "upstream_unreachable", "unavailable"]
    assert not any(one.unknown for one in results)
    assert not asked.healthy("echo")


async def test_a_card_that_leads_elsewhere_is_not_followed(server: tuple[str, Heard]) -> None:
    host = server[0].replace("127.0.0.1", "localhost")
    result = await remotes(f"{host}/rpc").ask("echo", "x", None, context())
    assert result.failed == "upstream_malformed"
    assert "names no interface" in result.text


def _approve() -> Any:
    return type(Verdict(allowed=True).obligations)(approve="approver")


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"url": "ftp://x"}, "url"),
        ({"url": "https://x?y"}, "url"),
        ({"url": "https://x", "token": Secret("a"), "headers": {"authorization": Secret("b")}}, "headers"),
        ({"url": "https://x", "headers": {"bad name": Secret("b")}}, "headers"),
        ({"url": "https://x", "headers": {"x": Secret("b\r\nc: d")}}, "headers"),
    ],
)
def test_mistakes_of_a_document_are_named(fields: dict[str, Any], place: str) -> None:
    found = list(check_remote(document(**fields), Library([], None, ())))
    assert found
    assert found[0][0][1] == place
    assert KIND.name == "RemoteAgent"


async def test_how_it_went_is_counted_at_each_of_its_skills(server: tuple[str, Heard], tmp_path: Path) -> None:
    SqliteDatabase(tmp_path).close()
    store = SqliteRuns(tmp_path)
    asked = remotes(f"{server[0]}/rpc", skills=["more"], store=store)
    await asked.ask("echo", "hello", None, context("a"))
    await asked.ask("echo", "fail", None, context("b"))
    await asked.ask("echo", "ask", None, context("c"))
    found = {one.skill: (one.agent, one.good, one.bad, one.runs) for one in store.skills("acme")}
    store.close()
    assert found == {"more": ("a2a/echo", 1, 1, 2), "echo": ("a2a/echo", 1, 1, 2)}


async def test_one_that_stays_as_it_was_keeps_what_is_known_of_it(server: tuple[str, Heard]) -> None:
    asked = remotes(f"{server[0]}/rpc")
    await asked.look()
    asked.arrange({"echo": document(f"{server[0]}/rpc")})
    card = asked.card("echo")
    assert card is not None
    assert card.name == "echo"
    asked.arrange({"echo": document(f"{server[0]}/rest")})
    assert asked.card("echo") is None
    asked.arrange({})
    assert asked.names() == ()
