from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from toolery import Bench, Upstream, bench, tool

from antiphon.net.client import Client

PETS = """
openapi: 3.0.3
info: {title: Pets, version: "1"}
servers: [{url: "http://ignored.example/v1"}]
paths:
  /pets:
    get:
      operationId: listPets
      summary: Lists pets
      parameters:
        - {name: tags, in: query, schema: {type: array, items: {type: string}}}
        - {name: ids, in: query, explode: false, schema: {type: array, items: {type: integer}}}
        - {name: filter, in: query, style: deepObject, schema: {type: object}}
        - {name: age, in: query, schema: {type: integer, minimum: 0, exclusiveMinimum: true, nullable: true}}
        - {name: X-Trace, in: header, schema: {type: string}}
        - {name: session, in: cookie, schema: {type: string}}
    post:
      operationId: createPet
      parameters: [{name: Idempotency-Key, in: header, schema: {type: string}}]
      requestBody: {$ref: "#/components/requestBodies/Pet"}
  /pets/{petId}:
    parameters: [{$ref: "#/components/parameters/PetId"}]
    get: {operationId: "pet.show", description: Shows one}
    patch:
      operationId: changePet
      requestBody: {content: {application/merge-patch+json: {schema: {$ref: "#/components/schemas/Pet"}}}}
    delete: {operationId: deletePet}
  /upload:
    post:
      operationId: upload
      requestBody: {required: true, content: {multipart/form-data: {schema: {type: object}}}}
  /broken/{x}:
    get: {operationId: broken}
components:
  parameters:
    PetId: {name: petId, in: path, required: true, schema: {type: integer}}
  requestBodies:
    Pet: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}}
  schemas:
    Pet:
      type: object
      required: [name]
      properties:
        name: {type: string, example: Rex}
        kind: {type: string, enum: [cat, dog], nullable: true}
        parent: {$ref: "#/components/schemas/Pet"}
"""


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    made = Client()
    yield made
    made.close()


def made(tmp_path: Path, client: Any, server: str, **more: Any) -> Bench:
    (tmp_path / "pets.yaml").write_text(PETS)
    spec = {"file": "pets.yaml", "server": server, **more}
    return bench(tool("pets", openapi=spec), parts={"transport": client, "base": tmp_path})


def test_operations_become_tools_with_what_their_methods_say(tmp_path: Path) -> None:
    box = made(tmp_path, object(), "https://pets.example").box
    assert box.names() == ("pets__changePet", "pets__createPet", "pets__deletePet", "pets__listPets", "pets__pet_show")
    tools = {name: box.get(name) for name in box.names()}
    assert {name: found.effect for name, found in tools.items() if found} == {
        "pets__listPets": "pure",
        "pets__pet_show": "pure",
        "pets__createPet": "idempotent",
        "pets__changePet": "at_most_once",
        "pets__deletePet": "idempotent",
    }
    assert [name for name, found in tools.items() if found and found.destructive] == ["pets__deletePet"]
    assert set(box.unready) == {"pets__upload", "pets__broken"}
    assert "no parameter" in box.unready["pets__broken"]


def test_schemas_are_whole_in_themselves_and_of_2020(tmp_path: Path) -> None:
    box = made(tmp_path, object(), "https://pets.example").box
    create, listed = box.get("pets__createPet"), box.get("pets__listPets")
    assert create is not None
    assert listed is not None
    body = create.parameters["properties"]["body"]
    assert body["properties"]["name"] == {"type": "string"}
    assert body["properties"]["kind"] == {"type": ["string", "null"], "enum": ["cat", "dog", None]}
    assert body["properties"]["parent"] is True
    assert create.parameters["required"] == ["body"]
    assert listed.parameters["properties"]["age"] == {"type": ["integer", "null"], "exclusiveMinimum": 0}
    assert "session" not in listed.parameters["properties"]


async def test_parameters_are_written_by_their_styles(tmp_path: Path, client: Client, upstream: Upstream) -> None:
    pets = made(tmp_path, client, f"{upstream.url}/v2/")
    await pets.call("pets__listPets", tags=["a", "b&c"], ids=[1, 2], filter={"kind": "cat"}, age=3, **{"X-Trace": "t"})
    await pets.call("pets__createPet", key="run.3", body={"name": "Rex", "kind": None})
    await pets.call("pets__pet_show", petId="7")
    await pets.call("pets__deletePet", petId=7)
    listed, created, shown, deleted = upstream.came
    assert listed.target == "/v2/pets?tags=a&tags=b%26c&ids=1%2C2&filter%5Bkind%5D=cat&age=3"
    assert listed.headers["x-trace"] == "t"
    assert (created.method, msgspec.json.decode(created.body)) == ("POST", {"name": "Rex", "kind": None})
    assert created.headers["idempotency-key"] == "run.3"
    assert (shown.target, deleted.method, deleted.target) == ("/v2/pets/7", "DELETE", "/v2/pets/7")


def test_operations_are_chosen_and_hinted(tmp_path: Path) -> None:
    hints = {"pet_show": {"private": True, "untrusted": False, "description": "One pet."}}
    box = made(tmp_path, object(), "https://p.example", only=["*Pet", "pet_show"], without=["delete*"], hints=hints).box
    assert box.names() == ("pets__changePet", "pets__createPet", "pets__pet_show")
    shown = box.get("pets__pet_show")
    assert shown is not None
    assert (shown.private, shown.untrusted, shown.description) == (True, False, "One pet.")


async def test_a_document_is_fetched_and_held_to_its_digest(client: Client, upstream: Upstream) -> None:
    upstream.answers = lambda came: (200, "text/yaml", PETS.encode()) if came.target == "/api.yaml" else (404, "", b"")
    spec = {"url": f"{upstream.url}/api.yaml", "server": "https://pets.example"}
    good = bench(
        tool("pets", openapi={**spec, "sha256": sha256(PETS.encode()).hexdigest()}), parts={"transport": client}
    )
    assert "not fetched yet" in good.box.unready["pets"]
    await good.workshop.fetch()
    assert len(good.box.names()) == 5
    await good.workshop.fetch()
    assert len(upstream.came) == 1
    bad = bench(tool("pets", openapi={**spec, "sha256": "0" * 64}), parts={"transport": client})
    await bad.workshop.fetch()
    assert bad.box.names() == ()
    assert "sha256" in bad.box.unready["pets"]
    missing = bench(tool("pets", openapi={**spec, "url": f"{upstream.url}/none"}), parts={"transport": client})
    await missing.workshop.fetch()
    assert missing.box.unready["pets"].endswith("it answered 404")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("swagger: '2.0'", "no OpenAPI"),
        ("openapi: 3.1.0\nservers: [{url: /v1}]", "nowhere to go"),
        ("openapi: 3.1.0\nservers: [{url: 'https://{x}.example'}]", "nowhere to go"),
        ("a: &a [1]\nb: *a", "aliases"),
        ("{", "no JSON"),
    ],
)
def test_a_document_that_cannot_be_taken_says_why(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "api.yaml").write_text(text)
    box = bench(tool("api", openapi={"file": "api.yaml"}), parts={"transport": object(), "base": tmp_path}).box
    assert why in box.unready["api"]
