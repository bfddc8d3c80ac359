"""Agents and runs for callers, on a real store, without a listener."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.exchange import Asked
from msgspec.structs import replace

from antiphon.agents.runs import Runs, RunsParts
from antiphon.config.documents import read_values, shelf_of
from antiphon.config.load import load_text
from antiphon.core.clock import SystemClock
from antiphon.core.error import NotAuthenticated, PolicyDenied
from antiphon.core.ids import Uuid7
from antiphon.core.ports import Identity
from antiphon.core.principal import Principal
from antiphon.core.run import RunEvent, Use, Wait
from antiphon.core.run_store import Asked as Wanted
from antiphon.server.runs import RunSite, beside
from antiphon.store.runs_sqlite import SqliteRuns
from antiphon.store.sqlite import SqliteDatabase

CALLERS = {
    b"sk-alice": Principal(tenant="acme", key="apps", user="alice"),
    b"sk-bob": Principal(tenant="acme", key="apps", user="bob", roles=("approver",)),
    b"sk-admin": Principal(tenant="acme", key="root", admin=True),
    b"sk-other": Principal(tenant="globex", key="apps", user="alice"),
    b"sk-few": Principal(tenant="acme", key="few", models=("fast",)),
    b"sk-alice-few": Principal(tenant="acme", key="few", user="alice", models=("fast",)),
}
DOCUMENTS: list[dict[str, Any]] = [
    {
        "apiVersion": "antiphon/v1",
        "kind": "Agent",
        "metadata": {"name": name, "version": version},
        "spec": {"goal": f"Is {name}.", "models": {"act": "auto"}, "envelope": {"steps": 9}},
    }
    for name, version in (("clerk", "1"), ("clerk", "2"), ("secret", "1"))
]
SETTINGS = load_text(
    "providers: {lab: {lab: {models: {s: {}}}}}\nmodels: {s: {provider: lab, tier: fast}}\nroutes: {auto: {models: [s]}}\n",
    "a.yaml",
    Path(),
    {},
).settings


class Doors(Identity):
    def principal(self, credential: bytes | None) -> Principal | None:
        return CALLERS.get(credential or b"")

    def refusal(self, credential: bytes | None) -> NotAuthenticated:
        return NotAuthenticated("who is that?")


class Place:
    def __init__(self, directory: Path) -> None:
        SqliteDatabase(directory).close()
        self.store = SqliteRuns(directory)
        shelf, problems = shelf_of(read_values(DOCUMENTS), SETTINGS)
        assert problems == []
        clock = SystemClock()
        parts = RunsParts(store=self.store, shelf=lambda: shelf, clock=clock, ids=Uuid7(clock), may=self._may)
        self.site = RunSite(Runs(parts), Doors(), clock)

    def _may(self, principal: Principal, document: Any, data_class: Any) -> None:
        if document.name == "secret" and not principal.admin:
            raise PolicyDenied("policies forbid it", reasons=("agents.secret",))

    async def ask(
        self, method: str, path: str, fields: Any = None, key: str = "sk-alice", headers: dict[str, str] | None = None
    ) -> Asked:
        told = {"authorization": f"Bearer {key}", **(headers or {})}
        if fields is not None:
            told["content-type"] = "application/json"
        asked = Asked(method, path, told, b"" if fields is None else json.dumps(fields).encode())
        await self.site.handle(asked.exchange)
        return asked

    async def begin(self, key: str = "sk-alice", **more: Any) -> str:
        asked = await self.ask("POST", "/v1/runs", {"agent": "clerk", "input": "Sum it up.", **more}, key)
        assert asked.status == 201, asked.body
        return asked.json["id"]

    def waits(self, run: str, wait: Wait) -> None:
        """Put a run into a wait, as an agent worker does."""
        found = self.store.one(run)
        assert found is not None
        assert self.store.save(replace(found, status="waiting", wait=wait), found.segment, (found.status,))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.store.close()


async def test_agents_are_listed_in_their_newest_version_for_those_who_may_ask_for_them(place: Place) -> None:
    listed = (await place.ask("GET", "/v1/agents")).json["data"]

    assert [(one["name"], one["version"], one["versions"]) for one in listed] == [
        ("clerk", "2", ["1", "2"]),
        ("secret", "1", ["1"]),
    ]
    assert (await place.ask("GET", "/v1/agents", key="sk-few")).json["data"] == []
    one = (await place.ask("GET", "/v1/agents/clerk?version=1")).json
    assert (one["version"], one["model"], one["goal"]) == ("1", "agent/clerk", "Is clerk.")


@pytest.mark.parametrize(
    ("path", "key", "status", "code"),
    [
        ("/v1/agents/nobody", "sk-alice", 404, "not_found"),
        ("/v1/agents/clerk?version=7", "sk-alice", 404, "not_found"),
        ("/v1/agents/clerk", "sk-few", 403, "not_allowed"),
        ("/v1/agents?x=1", "sk-alice", 400, "invalid_request"),
        ("/v1/runs?status=asleep", "sk-alice", 400, "invalid_request"),
        ("/v1/runs?limit=0", "sk-alice", 400, "invalid_request"),
        ("/v1/runs?tenant=globex", "sk-alice", 400, "invalid_request"),
        ("/v1/runs/nothing", "sk-alice", 404, "not_found"),
        ("/v1/runs/nothing/results", "sk-alice", 404, "not_found"),
        ("/v1/runs/nothing/events", "sk-alice", 404, "not_found"),
        ("/v1/agents", "sk-nobody", 401, "invalid_api_key"),
    ],
)
async def test_what_can_t_be_shown_is_refused(place: Place, path: str, key: str, status: int, code: str) -> None:
    asked = await place.ask("GET", path, key=key)

    assert asked.status == status
    assert asked.json["error"]["code"] == code


async def test_a_run_is_begun_once_for_an_idempotency_key(place: Place) -> None:
    fields = {"agent": "clerk", "input": {"goal": "Sum up.", "month": "2026-10"}, "session": "s-1", "priority": 2}
    asked = await place.ask("POST", "/v1/runs", fields, headers={"Idempotency-Key": "monday"})
    again = await place.ask("POST", "/v1/runs", fields, headers={"Idempotency-Key": "monday"})

    run = asked.json
    assert (asked.status, asked.headers["location"]) == (201, f"/v1/runs/{run['id']}")
    assert again.json["id"] == run["id"]
    assert (run["object"], run["status"], run["version"], run["by"]) == ("agent.run", "queued", "2", "user/alice")
    assert (run["input"], run["session"], run["priority"]) == (fields["input"], "s-1", 2)
    assert run["envelope"]["steps"] == 9


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"input": "x"}, 400, "missing required field `agent`"),
        ({"agent": "clerk", "input": "x", "goal": "y"}, 400, "unknown field `goal`"),
        ({"agent": "clerk", "input": "x", "priority": 10}, 400, "priority: 10 is not between 1 and 9"),
        ({"agent": "clerk", "input": "x", "wait_s": -1}, 400, "wait_s: -1 is not between"),
        ({"agent": "clerk", "input": "x", "version": "9"}, 404, "there is no agent clerk in the version 9"),
        ({"agent": "secret", "input": "x"}, 403, "policies forbid it"),
    ],
)
async def test_a_run_that_can_t_be_begun_is_refused_and_not_kept(
    place: Place, fields: dict[str, Any], status: int, said: str
) -> None:
    asked = await place.ask("POST", "/v1/runs", fields)

    assert asked.status == status
    assert said in asked.json["error"]["message"]
    assert (await place.ask("GET", "/v1/runs", key="sk-admin")).json["data"] == []


async def test_runs_of_others_are_not_there_but_for_an_admin_of_their_tenant(place: Place) -> None:
    run = await place.begin()

    seen = {
        key: (await place.ask("GET", f"/v1/runs/{run}", key=f"sk-{key}")).status for key in ("bob", "admin", "other")
    }
    listed = {key: len((await place.ask("GET", "/v1/runs", key=f"sk-{key}")).json["data"]) for key in seen}

    assert seen == {"bob": 404, "admin": 200, "other": 404}
    assert listed == {"bob": 0, "admin": 1, "other": 0}
    for verb in ("cancel", "kill", "pause", "resume", "take-over", "say"):
        assert (await place.ask("POST", f"/v1/runs/{run}/{verb}", {}, "sk-bob")).status == 404
    assert place.store.mail(run) == []


async def test_a_question_is_in_the_inbox_of_its_role_and_is_answered_once(place: Place) -> None:
    run = await place.begin()
    place.waits(run, Wait(kind="question", key="3.0", shown='{"question": "Which month?"}', to="approver"))

    inbox = (await place.ask("GET", "/v1/inbox", key="sk-bob")).json["data"]
    own = await place.ask("POST", f"/v1/runs/{run}/answer", {"body": "October"})
    strange = await place.ask("POST", f"/v1/runs/{run}/answer", {"body": "October"}, key="sk-other")
    wrong = await place.ask("POST", f"/v1/runs/{run}/answer", {"key": "2.0", "body": "October"}, key="sk-bob")
    right = await place.ask("POST", f"/v1/runs/{run}/answer", {"body": "October"}, key="sk-bob")
    await place.ask("POST", f"/v1/runs/{run}/answer", {"body": "October"}, key="sk-bob")

    assert [(one["id"], one["wait"]["shown"]) for one in inbox] == [(run, {"question": "Which month?"})]
    assert (own.status, own.json["error"]["code"], strange.status) == (403, "not_allowed", 404)
    assert (wrong.status, wrong.json["error"]["code"]) == (409, "not_waiting")
    assert right.status == 200
    assert [(one.kind, one.key, one.body) for one in place.store.mail(run)] == [("answer", "3.0", b'"October"')]
    assert (await place.ask("GET", "/v1/inbox", key="sk-other")).json["data"] == []


async def test_what_is_said_to_a_run_is_kept_for_its_worker(place: Place) -> None:
    run = await place.begin()

    await place.ask("POST", f"/v1/runs/{run}/say", {"message": "Be brief."})
    await place.ask("POST", f"/v1/runs/{run}/pause", {"why": "lunch"})
    await place.ask("POST", f"/v1/runs/{run}/cancel", {})
    odd = await place.ask("POST", f"/v1/runs/{run}/cancel", {"because": "x"})
    still = await place.ask("POST", f"/v1/runs/{run}/resume", {})

    assert [(one.kind, one.body, one.by) for one in place.store.mail(run)] == [
        ("message", b'"Be brief."', "user/alice"),
        ("pause", b'{"why":"lunch"}', "user/alice"),
        ("cancel", b"", "user/alice"),
    ]
    assert odd.status == 400
    assert (still.status, still.json["error"]["code"]) == (409, "not_paused")


async def test_a_fork_is_a_new_run_of_the_same_input(place: Place) -> None:
    run = await place.begin()

    forked = (await place.ask("POST", f"/v1/runs/{run}/fork", {"step": 2})).json

    assert (forked["forked_from"], forked["input"], forked["status"]) == (f"{run}@1.2", "Sum it up.", "queued")
    assert (await place.ask("POST", f"/v1/runs/{run}/fork", {"step": "2"})).status == 400


async def test_the_idempotency_key_of_another_caller_finds_no_run_of_yours(place: Place) -> None:
    fields, once = {"agent": "clerk", "input": "Mine."}, {"idempotency-key": "order-7"}

    first = (await place.ask("POST", "/v1/runs", fields, headers=once)).json
    again = (await place.ask("POST", "/v1/runs", fields, headers=once)).json
    other = (await place.ask("POST", "/v1/runs", {**fields, "input": "Theirs."}, key="sk-bob", headers=once)).json

    assert again["id"] == first["id"]
    assert (other["by"], other["input"]) == ("user/bob", "Theirs.")


async def test_a_fork_is_the_callers_own_and_no_way_round_the_key_s_list_of_models(place: Place) -> None:
    run = await place.begin()

    refused = await place.ask("POST", f"/v1/runs/{run}/fork", {"step": 1}, key="sk-alice-few")

    assert (refused.status, refused.json["error"]["code"]) == (403, "not_allowed")


async def test_a_run_that_somebody_has_taken_over_is_given_back_by_them_alone(place: Place) -> None:
    run = await place.begin()
    found = place.store.one(run)
    assert found is not None
    place.store.save(replace(found, status="paused", taken_by="user/mia"), found.segment, (found.status,))

    given = await place.ask("POST", f"/v1/runs/{run}/give-back", {"done": "Mia said yes."})
    resumed = await place.ask("POST", f"/v1/runs/{run}/resume", {})

    assert (given.status, resumed.status, place.store.mail(run)) == (403, 403, [])


async def test_a_page_is_full_of_the_callers_runs_however_many_others_there_are(place: Place) -> None:
    mine = [await place.begin() for _ in range(3)]
    for _ in range(5):
        await place.begin("sk-bob")

    page = (await place.ask("GET", "/v1/runs?limit=2")).json["data"]
    rest = (await place.ask("GET", f"/v1/runs?limit=2&before={page[-1]['id']}")).json["data"]

    assert [one["id"] for one in (*page, *rest)] == mine[::-1]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"input": "x" * 4_200_000}, 413),
        ({"input": "x", "envelope": {"steps": -1}}, 400),
        ({"input": "x", "envelope": {"tokens": 10**30}}, 400),
        ({"input": "x", "wait_s": 601}, 400),
    ],
)
async def test_what_is_too_much_for_a_run_is_refused(place: Place, fields: dict[str, Any], status: int) -> None:
    assert (await place.ask("POST", "/v1/runs", {"agent": "clerk", **fields})).status == status
    assert place.store.page(Wanted()) == []


async def test_a_page_of_events_says_that_there_are_more(place: Place) -> None:
    run = await place.begin()
    place.store.tell(told(run, *["tool"] * 1002))

    first = (await place.ask("GET", f"/v1/runs/{run}/events")).json
    rest = (await place.ask("GET", f"/v1/runs/{run}/events?after=1000")).json

    assert (len(first["data"]), first["has_more"]) == (1000, True)
    assert ([one["seq"] for one in rest["data"]], rest["has_more"]) == ([1001, 1002], False)
    assert (await place.ask("GET", f"/v1/runs/{run}/events?stream=perhaps")).status == 400


def told(run: str, *kinds: str, first: int = 1) -> list[RunEvent]:
    return [
        RunEvent(run=run, seq=first + at, at_ns=1_700_000_000 * 10**9, kind=kind, body=b'{"n":1}')
        for at, kind in enumerate(kinds)
    ]


async def test_events_are_a_page_or_a_stream_that_goes_on_after_the_last_one_seen(place: Place) -> None:
    run = await place.begin()
    place.store.tell(told(run, "began", "tool", "ended"))
    found = place.store.one(run)
    assert found is not None
    ended = replace(found, status="done", stop="finished", result=b'"All well."', used=Use(steps=2))
    place.store.save(ended, 1, ("queued",))

    page = (await place.ask("GET", f"/v1/runs/{run}/events?after=1")).json["data"]
    stream = await place.ask("GET", f"/v1/runs/{run}/events?stream=true", headers={"Last-Event-ID": "2"})

    assert [(one["seq"], one["kind"], one["body"]) for one in page] == [(2, "tool", {"n": 1}), (3, "ended", {"n": 1})]
    assert stream.headers["content-type"] == "text/event-stream"
    pieces = stream.body.decode().strip().split("\n\n")
    assert [piece.splitlines()[0] for piece in pieces] == [f": run {run}", "id: 3", "event: end"]
    last = json.loads(pieces[-1].partition("data: ")[2])
    assert (last["status"], last["result"]) == ("done", "All well.")


async def test_a_stream_tells_what_happens_while_it_is_read_and_ends_with_a_wait(place: Place) -> None:
    run = await place.begin()
    reading = asyncio.create_task(place.ask("GET", f"/v1/runs/{run}/events?stream=true"))
    await asyncio.sleep(0)
    place.store.tell(told(run, "began"))
    place.waits(run, Wait(kind="hand_off", key="1.0", to="approver"))

    stream = await reading

    kinds = [line.removeprefix("event: ") for line in stream.body.decode().splitlines() if line.startswith("event")]
    assert kinds == ["began", "end"]
    assert '"kind":"hand_off"' in stream.body.decode()


async def test_whoever_waits_for_a_run_gets_it_as_it_stands_when_it_rests(place: Place) -> None:
    waiting = asyncio.create_task(place.ask("POST", "/v1/runs", {"agent": "clerk", "input": "x", "wait_s": 60}))
    while not (runs := (await place.ask("GET", "/v1/runs")).json["data"]):
        await asyncio.sleep(0)
    place.waits(runs[0]["id"], Wait(kind="question", key="1.0"))

    assert (await waiting).json["status"] == "waiting"
    assert (await place.ask("GET", f"/v1/runs/{runs[0]['id']}?wait_s=60")).json["status"] == "waiting"


async def test_methods_that_a_path_does_not_take_are_refused(place: Place) -> None:
    run = await place.begin()

    assert (await place.ask("POST", "/v1/agents", {})).headers["allow"] == "GET, HEAD"
    assert (await place.ask("GET", f"/v1/runs/{run}/cancel")).headers["allow"] == "POST"
    assert (await place.ask("DELETE", f"/v1/runs/{run}")).status == 405


def test_its_paths_are_named_for_the_listener(place: Place) -> None:
    assert [start for start, _ in beside(place.site)] == [b"/v1/agents", b"/v1/runs", b"/v1/inbox"]
