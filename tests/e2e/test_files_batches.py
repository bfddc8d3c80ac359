"""Files and batches by the real `openai` SDK: kept by the provider, each for its tenant alone."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI

from antiphon.providers.lab.run import Running, running
from antiphon.providers.lab.settings import LabModel, LabSettings
from rig.config import ALICE, BOB, ROOT
from rig.gateway import Config, Gateway
from rig.loop import LoopThread
from rig.sdk import client

pytestmark = pytest.mark.processes
CAROL, DAVE = "sk-carol-0001", "sk-dave-00001"
KEYS = [
    {"name": "alice", "key": ALICE, "tenant": "acme"},
    {"name": "carol", "key": CAROL, "tenant": "acme", "models": ["fast"]},
    {"name": "bob", "key": BOB, "tenant": "globex"},
    {"name": "dave", "key": DAVE, "tenant": "globex", "models": ["elsewhere"]},
    {"name": "root", "key": ROOT, "admin": True},
]


def config(url: str, **more: Any) -> Config:
    account = {"profile": "compatible", "base_url": f"{url}/v1"}
    return {
        "keys": KEYS,
        "providers": {"lab-server": account, "claude": {"profile": "anthropic", "key": "k", "base_url": url}, **more},
        "models": {
            "fast": {"provider": "lab-server", "model": "chat"},
            "other": {"provider": "lab-server", "model": "second"},
            "elsewhere": {"provider": "claude", "model": "far"},
        },
        "server": {"limits": {"max_body_bytes": 2_000_000}},
    }


@pytest.fixture(scope="module")
def shelf(servers: LoopThread) -> Iterator[Running]:
    models = {name: LabModel(tokens_per_s=1e6, answer_tokens=5) for name in ("chat", "second")}
    context = running(LabSettings(seed=3, models=models))
    yield servers.enter(context)
    servers.leave(context)


@pytest.fixture(scope="module")
def kept(shelf: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    one = Gateway(tmp_path_factory.mktemp("kept"), config(shelf.url), key=ALICE)
    try:
        yield one.start()
    finally:
        one.close()


@pytest.fixture
def alice(kept: Gateway) -> Iterator[OpenAI]:
    with client(kept) as one:
        yield one


@pytest.fixture
def bob(kept: Gateway) -> Iterator[OpenAI]:
    with client(kept, BOB) as one:
        yield one


def lines(*models: str) -> bytes:
    asked = [
        {
            "custom_id": f"r{number}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": model, "messages": [{"role": "user", "content": "Hé"}]},
        }
        for number, model in enumerate(models)
    ]
    return "\n".join(map(json.dumps, asked)).encode()


def uploaded(sdk: OpenAI, *models: str) -> str:
    return sdk.files.create(file=("in put.jsonl", lines(*models)), purpose="batch").id


def test_a_file_is_kept_listed_read_and_deleted(alice: OpenAI, kept: Gateway) -> None:
    raw = alice.files.with_raw_response.create(file=("naïve x.txt", b"one\r\ntwo"), purpose="user_data")
    file = raw.parse()
    assert (file.filename, file.purpose) == ("naïve x.txt", "user_data")
    assert file.id in [one.id for one in alice.files.list()]
    assert alice.files.retrieve(file.id) == file
    assert alice.files.content(file.id).content == b"one\r\ntwo"

    receipt = kept.receipt(raw.headers["x-antiphon-receipt"])
    assert (receipt["endpoint"], receipt["dialect"], receipt["outcome"]) == ("/v1/files", "openai_files", "ok")
    assert receipt["attempts"][0]["provider"] == "lab-server"

    assert alice.files.delete(file.id).id == file.id
    with pytest.raises(openai.NotFoundError) as gone:
        alice.files.retrieve(file.id)
    assert file.id in str(gone.value)


def test_a_batch_runs_models_by_their_public_names(alice: OpenAI) -> None:
    file_id = uploaded(alice, "fast", "other", "fast")
    assert b'"model":"second"' in alice.files.content(file_id).content
    batch = alice.batches.create(
        input_file_id=file_id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"a": "b"}
    )
    assert (batch.status, batch.input_file_id, batch.metadata) == ("completed", file_id, {"a": "b"})
    assert batch.request_counts is not None
    assert (batch.request_counts.completed, batch.request_counts.failed) == (3, 0)
    assert alice.batches.retrieve(batch.id) == batch
    assert batch in list(alice.batches.list())
    assert alice.batches.cancel(batch.id).id == batch.id
    assert batch.output_file_id is not None
    answers = [json.loads(line) for line in alice.files.content(batch.output_file_id).text.splitlines()]
    assert [one["response"]["body"]["model"] for one in answers] == ["chat", "second", "chat"]
    assert alice.files.retrieve(batch.output_file_id).purpose == "batch_output"


def test_a_batch_without_metadata_shows_none(alice: OpenAI) -> None:
    file_id = uploaded(alice, "fast")
    batch = alice.batches.create(input_file_id=file_id, endpoint="/v1/chat/completions", completion_window="24h")
    assert batch.metadata is None


def test_nothing_of_a_tenant_is_seen_or_reached_by_another(alice: OpenAI, bob: OpenAI) -> None:
    file_id = uploaded(alice, "fast")
    batch = alice.batches.create(input_file_id=file_id, endpoint="/v1/chat/completions", completion_window="24h")
    own = uploaded(bob, "fast")

    assert [one.id for one in bob.files.list()] == [own]
    assert list(bob.batches.list()) == []
    attempts = [
        lambda: bob.files.retrieve(file_id),
        lambda: bob.files.content(file_id),
        lambda: bob.files.delete(file_id),
        lambda: bob.batches.retrieve(batch.id),
        lambda: bob.batches.cancel(batch.id),
        lambda: bob.batches.create(input_file_id=file_id, endpoint="/v1/chat/completions", completion_window="24h"),
        lambda: bob.files.retrieve("file-lab00000001"),
    ]
    for attempt in attempts:
        with pytest.raises(openai.NotFoundError):
            attempt()
    assert alice.files.retrieve(file_id).id == file_id


def test_a_colleague_of_the_same_tenant_sees_it(alice: OpenAI, kept: Gateway) -> None:
    file_id = uploaded(alice, "fast")
    with client(kept, CAROL) as carol:
        assert carol.files.retrieve(file_id).id == file_id


def test_a_batchs_every_model_is_checked_before_it_goes_out(kept: Gateway, shelf: Running) -> None:
    with client(kept, CAROL) as carol:
        with pytest.raises(openai.PermissionDeniedError) as refused:
            uploaded(carol, "fast", "other")
        assert (refused.value.code, refused.value.param) == ("model_not_allowed", "line 2: body.model")
        with pytest.raises(openai.BadRequestError) as unknown, client(kept) as alice:
            uploaded(alice, "elsewhere")
        assert unknown.value.code == "model_not_found"
        assert list(carol.files.list(purpose="assistants")) is not None


def test_only_a_file_whose_lines_were_checked_is_run(alice: OpenAI) -> None:
    file = alice.files.create(file=("sneaky.jsonl", lines("chat")), purpose="user_data")
    with pytest.raises(openai.NotFoundError) as refused:
        alice.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    assert refused.value.param == "input_file_id"


def test_a_key_that_may_ask_no_model_of_a_provider_leaves_nothing_there(kept: Gateway) -> None:
    with client(kept, DAVE) as dave, pytest.raises(openai.NotFoundError) as refused:
        dave.files.create(file=("a.txt", b"a"), purpose="user_data")
    assert refused.value.code == "provider_not_found"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/v1/files", 405),
        ("POST", "/v1/files/x", 405),
        ("GET", "/v1/files/x/y", 404),
        ("DELETE", "/v1/batches/x", 405),
        ("GET", "/v1/batches/x/cancel", 404),
        ("GET", "/v1/files?limit=x", 400),
        ("GET", "/v1/files?after=x", 404),
        ("GET", "/v1/files?provider=nobody", 404),
    ],
)
def test_what_is_asked_wrongly_is_named(kept: Gateway, method: str, path: str, status: int) -> None:
    assert kept.ask(method, path).status == status


def test_an_upload_must_be_a_form_with_a_purpose_and_a_file(kept: Gateway, alice: OpenAI) -> None:
    assert kept.ask("POST", "/v1/files", b"{}").status == 415
    form = b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--x--\r\n'
    said = kept.ask("POST", "/v1/files", form, headers={"content-type": "multipart/form-data; boundary=x"})
    assert (said.status, said.error["param"]) == (400, "file")
    with pytest.raises(openai.APIStatusError) as long:
        alice.files.create(file=("a", b"a" * 2_100_000), purpose="user_data")
    assert long.value.status_code == 413


def test_one_of_several_providers_is_named(shelf: Running, start: Any) -> None:
    second = {"profile": "compatible", "base_url": f"{shelf.url}/v1"}
    third = {**second, "files": False}
    gateway = start(config(shelf.url, second=second, third=third))
    with client(gateway) as sdk:
        with pytest.raises(openai.BadRequestError, match="lab-server, second as") as refused:
            sdk.files.list()
        assert refused.value.code == "provider_needed"
        file = sdk.files.create(
            file=("a.txt", b"a"), purpose="user_data", extra_headers={"x-antiphon-provider": "second"}
        )
        listed = sdk.files.list(extra_query={"provider": "second"})
        assert [one.id for one in listed] == [file.id]
        assert sdk.files.content(file.id).content == b"a"
        with pytest.raises(openai.NotFoundError):
            sdk.files.list(extra_query={"provider": "third"})
