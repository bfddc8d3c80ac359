import json
from collections.abc import Callable
from typing import Any

import pytest
from fakes.exchange import Asked
from fakes.house import completion
from fakes.records import ListedStore
from fakes.upstream import Answer
from receipts import receipt, receipt_id

from antiphon.core.error import StoreError
from antiphon.core.principal import Principal
from antiphon.core.receipt import Receipt

ALICE = Principal(tenant="acme", key="alice")
CHAT = b'{"model":"fast","messages":[]}'
GET_PATHS = ["/v1/models", "/v1/models/fast", f"/v1/receipts/{receipt_id(9)}", "/livez", "/readyz", "/metrics"]
Make = Callable[..., Any]


def error_of(asked: Asked) -> dict[str, Any]:
    return asked.json["error"]


def receipt_of(place: Any, asked: Asked) -> Receipt:
    """The receipt that an answer names; there is one closed receipt of that name."""
    (found,) = [one for one in place.house.journal.shut if one.id == asked.headers["x-antiphon-receipt"]]
    return found


# --- paths and methods


@pytest.mark.parametrize("path", GET_PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_page_is_served(place: Make, path: str, method: str) -> None:
    store = ListedStore(receipt(9, principal=ALICE))

    asked = await place(store=store).ask(method, path, "sk-root-01")

    assert asked.status == 200
    assert int(asked.headers["content-length"]) > 0
    assert (asked.raw == b"") == (method == "HEAD")


@pytest.mark.parametrize("path", GET_PATHS)
async def test_head_says_what_get_says_but_for_the_body(place: Make, path: str) -> None:
    here = place(store=ListedStore(receipt(9, principal=ALICE)))

    get, head = await here.ask("GET", path, "sk-root-01"), await here.ask("HEAD", path, "sk-root-01")

    assert head.headers == get.headers
    assert head.raw == b""


@pytest.mark.parametrize("path", GET_PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_a_page_takes_no_other_method(place: Make, path: str, method: str) -> None:
    asked = await place().ask(method, path)

    assert (asked.status, error_of(asked)["code"]) == (405, "method_not_allowed")
    assert asked.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_chat_takes_post_alone(place: Make, method: str) -> None:
    here = place()

    asked = await here.ask(method, "/v1/chat/completions")

    assert (asked.status, asked.headers["allow"]) == (405, "POST")
    assert receipt_of(here, asked).error == "method_not_allowed"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/",
        "/v1/model",
        "/v1/modelsx",
        "/v1/nothing",
        "/v1/chat/completions/",
        "/V1/models",
        "/livez/",
        "/metrics/x",
        "//v1/models",
        "/v1/receipts",
        "*",
        "",
        "/%2e%2e/etc/passwd",
        "/\xff",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_nothing_else_is_served(place: Make, path: str, method: str) -> None:
    here = place()

    asked = await here.ask(method, path)

    assert asked.status == 404
    assert ("x-antiphon-receipt" in asked.headers) == path.startswith("/v1/")
    if method != "HEAD":
        assert error_of(asked)["code"] == "not_found"
    if path.startswith("/v1/"):
        assert receipt_of(here, asked).principal == ALICE


async def test_a_query_is_no_part_of_the_path(place: Make) -> None:
    assert (await place().ask("GET", "/v1/models?x=y&z")).status == 200


async def test_a_long_path_is_not_repeated_whole(place: Make) -> None:
    here = place()

    asked = await here.ask("GET", "/v1/" + "x" * 10_000)

    assert len(asked.raw) < 1000
    assert len(receipt_of(here, asked).endpoint) <= 256


# --- who asks


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/fast", f"/v1/receipts/{receipt_id(9)}", "/metrics"])
@pytest.mark.parametrize(
    "credential",
    [
        "",
        "sk-alice-1",
        "Bearer",
        "Bearer ",
        "Bearer sk-alice-2",
        "Basic sk-alice-1",
        "bearersk-alice-1",
        "Bearer sk-alice-1, x",
    ],
)
async def test_without_a_known_key_a_page_is_not_served(place: Make, path: str, credential: str) -> None:
    asked = await place().ask("GET", path, "", **({"authorization": credential} if credential else {}))

    assert (asked.status, error_of(asked)["code"]) == (401, "invalid_api_key")
    assert asked.headers["www-authenticate"] == 'Bearer realm="antiphon"'
    assert ("x-antiphon-receipt" in asked.headers) == path.startswith("/v1/models")


@pytest.mark.parametrize("credential", ["Bearer sk-alice-1", "bearer sk-alice-1", "BEARER  sk-alice-1 "])
async def test_the_word_bearer_may_be_written_in_any_case(place: Make, credential: str) -> None:
    assert (await place().ask("GET", "/v1/models", "", authorization=credential)).status == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_probes_need_no_key(place: Make, path: str) -> None:
    assert (await place().ask("GET", path, "")).status == 200


async def test_where_no_key_is_set_everyone_may_ask(place: Make) -> None:
    here = place(Answer(completion()), keys=[], open_metrics=False)

    assert [(await here.ask("GET", path, "")).status for path in ("/v1/models", "/metrics")] == [200, 200]
    chat = await here.chat(CHAT, "")
    assert chat.status == 200
    found = receipt_of(here, chat).principal
    assert found is not None
    assert (found.key, found.tenant) == ("anonymous", "default")


# --- pages


async def test_models_are_those_of_the_key(place: Make) -> None:
    here = place()

    mine, bobs = await here.ask("GET", "/v1/models"), await here.ask("GET", "/v1/models", "sk-bob-0001")

    assert [entry["id"] for entry in mine.json["data"]] == ["fast"]
    assert mine.json["data"][0]["created"] == 7
    assert bobs.json == {"object": "list", "data": []}


async def test_one_model_is_found_by_its_escaped_name(place: Make) -> None:
    here = place()

    found, missing = await here.ask("GET", "/v1/models/f%61st"), await here.ask("GET", "/v1/models/a%2Fb")

    assert found.json["id"] == "fast"
    assert (missing.status, error_of(missing)["code"]) == (404, "model_not_found")
    assert "'a/b'" in error_of(missing)["message"]
    assert receipt_of(here, missing).error == "model_not_found"


@pytest.mark.parametrize(("key", "status"), [("sk-alice-1", 403), ("sk-root-01", 200), ("", 401)])
async def test_how_deployments_are_is_for_admins(place: Make, key: str, status: int) -> None:
    asked = await place().ask("GET", "/v1/health/deployments", key)

    assert asked.status == status
    if status == 200:
        assert (asked.json["worker"], [one["name"] for one in asked.json["deployments"]]) == (3, ["small"])


@pytest.mark.parametrize(("key", "status"), [("sk-alice-1", 200), ("sk-bob-0001", 404), ("sk-root-01", 200)])
async def test_a_receipt_is_shown_to_whom_it_belongs(place: Make, key: str, status: int) -> None:
    stored = receipt(9, principal=ALICE, asked="fast")

    asked = await place(store=ListedStore(stored)).ask("GET", f"/v1/receipts/{receipt_id(9)}", key)

    assert asked.status == status
    if status == 200:
        assert (asked.json["id"], asked.json["asked"]) == (receipt_id(9), "fast")
    else:
        assert error_of(asked)["code"] == "receipt_not_found"
    assert "x-antiphon-receipt" not in asked.headers, "asking for a receipt makes none"


class BrokenStore(ListedStore):
    def receipt(self, receipt_id: str) -> Receipt | None:
        raise StoreError("the database can't be read: disk I/O error")


async def test_a_store_that_fails_is_told_of(place: Make) -> None:
    asked = await place(store=BrokenStore()).ask("GET", f"/v1/receipts/{receipt_id(9)}")

    assert (asked.status, error_of(asked)["code"]) == (503, "store_error")


@pytest.mark.parametrize(
    ("open_metrics", "key", "status"),
    [(True, "", 200), (True, "wrong", 200), (False, "", 401), (False, "sk-alice-1", 403), (False, "sk-root-01", 200)],
)
async def test_metrics_are_for_admins_unless_they_are_open(
    place: Make, open_metrics: bool, key: str, status: int
) -> None:
    asked = await place(open_metrics=open_metrics).ask("GET", "/metrics", key)

    assert asked.status == status
    if status == 200:
        assert asked.body == b"a 1\n"
        assert asked.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize(("why_not", "status"), [("", 200), ("this worker is draining", 503)])
async def test_readiness_tells_why_not(place: Make, why_not: str, status: int) -> None:
    here = place(ready=lambda: why_not)

    ready, live = await here.ask("GET", "/readyz"), await here.ask("GET", "/livez")

    assert (ready.status, live.status, live.json) == (status, 200, {"status": "live"})
    if why_not:
        assert error_of(ready)["message"] == why_not
        assert ready.headers["retry-after"] == "1"
    else:
        assert ready.json == {"status": "ready", "revision": "rev-1"}
    assert here.house.journal.shut == []


# --- what the listener refuses


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "invalid_http"),
        (408, "request_timeout"),
        (413, "request_too_large"),
        (417, "expectation_failed"),
        (429, "too_many_pipelined"),
        (431, "headers_too_large"),
        (500, "internal_error"),
        (501, "not_implemented"),
        (503, "unavailable"),
        (505, "http_version_not_supported"),
    ],
)
def test_what_the_listener_refuses_has_a_receipt_too(place: Make, status: int, code: str) -> None:
    here = place()

    headers, body = here.site.refuse(status, "no; do otherwise")

    (receipt,) = here.house.journal.shut
    assert f"x-antiphon-receipt: {receipt.id}\r\n".encode() in headers
    assert (receipt.outcome, receipt.status, receipt.error) == ("refused", status, code)
    assert (receipt.dialect, receipt.principal) == ("http", None)
    said = json.loads(body)["error"]
    assert (said["message"], said["code"]) == ("no; do otherwise", code)
    assert headers.endswith(b"\r\n")


def test_a_refusal_that_can_not_be_recorded_says_so(place: Make) -> None:
    here = place()
    here.house.journal.failing.add("closed")

    _, body = here.site.refuse(431, "too long")

    assert json.loads(body)["error"]["code"] == "store_error"
    assert len(here.house.journal.owed) == 1
