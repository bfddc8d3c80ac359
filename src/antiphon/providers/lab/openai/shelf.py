"""Files and batches of a lab, in memory: /v1/files and /v1/batches.

Source: the types of openai 3.52.0 (file_object.py, batch.py), read 2026-11. A batch is run when it is made, so that
it is never seen in progress.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable

import msgspec
from msgspec import Raw, Struct, json

from antiphon.core.error import BadRequest, NotFound
from antiphon.providers.lab.dialect import Incoming, Json, Said
from antiphon.providers.lab.openai.multipart import file_of, form_of, values_of

KEPT_FILES = 200
KEPT_BYTES = 67_108_864
"""Of all files together; the oldest go first."""
KEPT_BATCHES = 200
LINES = b"content-type: application/octet-stream\r\n"
PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
ENDPOINTS = ("/v1/chat/completions", "/v1/embeddings", "/v1/completions", "/v1/responses", "/v1/moderations")
Ask = Callable[[Incoming], Awaitable[Said]]
"""Asks a model at once."""


class File(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    purpose: str
    created_s: int
    data: bytes


class NewBatch(Struct, frozen=True, kw_only=True):
    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: dict[str, str] | None = None
    output_expires_after: Raw = Raw(b"null")


class Line(Struct, frozen=True, kw_only=True):
    custom_id: str
    method: str = "POST"
    url: str
    body: Raw


BATCH = json.Decoder(NewBatch)
LINE = json.Decoder(Line)


class Shelf:
    def __init__(self, ask: Ask, now_s: Callable[[], int]) -> None:
        self._ask = ask
        self._now_s = now_s
        self._files: OrderedDict[str, File] = OrderedDict()
        self._batches: OrderedDict[str, Json] = OrderedDict()
        self._made = 0

    async def answer(self, method: str, names: list[str], incoming: Incoming) -> Said | None:
        """None: the path is not of files and batches. Raises: BadRequest, NotFound."""
        match method, names:
            case "POST", ["v1", "files"]:
                return _said(_card(self._upload(incoming)))
            case "GET", ["v1", "files"]:
                return _said(_list([_card(file) for file in reversed(self._files.values())]))
            case "GET", ["v1", "files", id_]:
                return _said(_card(self._file(id_)))
            case "GET", ["v1", "files", id_, "content"]:
                return Said(lines=LINES, body=self._file(id_).data)
            case "DELETE", ["v1", "files", id_]:
                del self._files[self._file(id_).id]
                return _said({"id": id_, "object": "file", "deleted": True})
            case "POST", ["v1", "batches"]:
                return _said(await self._run(incoming.body))
            case "GET", ["v1", "batches"]:
                return _said(_list(list(reversed(self._batches.values()))))
            case ("GET", ["v1", "batches", id_]) | ("POST", ["v1", "batches", id_, "cancel"]):
                return _said(self._batch(id_))
            case _:
                return None

    def _upload(self, incoming: Incoming) -> File:
        fields = form_of(incoming)
        file = file_of(fields, "file")
        purpose = values_of(fields).get("purpose", "")
        if purpose not in PURPOSES:
            raise BadRequest(
                f"'{purpose}' is not one of {list(PURPOSES)} - 'purpose'", code="invalid_value", param="purpose"
            )
        return self._put(file.file_name or "file", purpose, file.value)

    def _put(self, name: str, purpose: str, data: bytes) -> File:
        self._made += 1
        file = File(id=f"file-lab{self._made:08}", name=name, purpose=purpose, created_s=self._now_s(), data=data)
        self._files[file.id] = file
        while len(self._files) > 1 and (
            len(self._files) > KEPT_FILES or sum(len(one.data) for one in self._files.values()) > KEPT_BYTES
        ):
            self._files.popitem(last=False)
        return file

    def _file(self, id_: str) -> File:
        file = self._files.get(id_)
        if file is None:
            raise NotFound(f"No such File object: {id_}", param="id")
        return file

    def _batch(self, id_: str) -> Json:
        batch = self._batches.get(id_)
        if batch is None:
            raise NotFound(f"No batch found with id '{id_}'.", param="id")
        return batch

    async def _run(self, raw: bytes) -> Json:
        """Run a batch's lines one after another."""
        try:
            asked = BATCH.decode(raw)
        except msgspec.DecodeError as error:
            raise BadRequest(f"this is no batch: {error}") from None
        if asked.endpoint not in ENDPOINTS:
            raise BadRequest(f"endpoint must be one of {', '.join(ENDPOINTS)}", code="invalid_value", param="endpoint")
        lines = [line for line in self._file(asked.input_file_id).data.splitlines() if line.strip()]
        good: list[bytes] = []
        bad: list[bytes] = []
        for place, text in enumerate(lines):
            status, line = await self._line(text, place, asked.endpoint)
            (good if status == 200 else bad).append(line)
        output = self._put("output.jsonl", "batch_output", b"\n".join(good)).id if good else None
        errors = self._put("errors.jsonl", "batch_output", b"\n".join(bad)).id if bad else None
        self._made += 1
        now_s = self._now_s()
        batch: Json = {
            "id": f"batch_lab{self._made:08}", "object": "batch", "endpoint": asked.endpoint, "errors": None,
            "input_file_id": asked.input_file_id, "completion_window": asked.completion_window, "status": "completed",
            "output_file_id": output, "error_file_id": errors, "created_at": now_s, "in_progress_at": now_s,
            "completed_at": now_s, "metadata": asked.metadata,
            "request_counts": {"total": len(lines), "completed": len(good), "failed": len(bad)},
        }  # fmt: skip
        self._batches[str(batch["id"])] = batch
        while len(self._batches) > KEPT_BATCHES:
            self._batches.popitem(last=False)
        return batch

    async def _line(self, text: bytes, place: int, endpoint: str) -> tuple[int, bytes]:
        custom_id: str | None = None
        try:
            line = LINE.decode(text)
            custom_id = line.custom_id
            if line.url != endpoint:
                raise BadRequest(f"the line's url {line.url} is not the batch's endpoint {endpoint}")
            said = await self._ask(Incoming(path=line.url, body=bytes(line.body)))
        except (msgspec.DecodeError, BadRequest) as error:
            said = Said(
                status=400, body=json.encode({"error": {"message": str(error), "type": "invalid_request_error"}})
            )
        response: Json = {"status_code": said.status, "request_id": f"req_lab{place}", "body": Raw(said.body)}
        done: Json = {"id": f"batch_req_lab{place}", "custom_id": custom_id, "response": response, "error": None}
        return said.status, json.encode(done)


def _said(body: Json) -> Said:
    return Said(body=json.encode(body))


def _card(file: File) -> Json:
    return {
        "id": file.id, "object": "file", "bytes": len(file.data), "created_at": file.created_s, "filename": file.name,
        "purpose": file.purpose, "status": "processed",
    }  # fmt: skip


def _list(data: list[Json]) -> Json:
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return {"object": "list", "data": data, "has_more": False, "first_id": first, "last_id": last}
