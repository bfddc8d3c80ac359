"""A BERT encoder with mean pooling as an ONNX graph, out of its weights.

Tokens and their mask go in, vectors of length 1 come out: the three modules Transformer, Pooling (mean) and Normalize
of sentence-transformers in one. Source: Devlin et al. 2019, arXiv 1810.04805; the model's own `modules.json`.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol, final

from msgspec import Struct

OPSET = 20
"""The first with Gelu: github.com/onnx/onnx/blob/main/docs/Operators.md, 2026-11."""
IR_VERSION = 9
"""What goes with that opset."""
HIDDEN = -1e9
"""Added to the score of what is only there to fill up."""


class Array(Protocol):
    """What is used of `numpy.ndarray`."""

    @property
    def T(self) -> "Array": ...  # noqa: N802 - the library's name
    def astype(self, kind: str) -> "Array": ...
    def copy(self, order: str) -> "Array": ...
    def __getitem__(self, at: int) -> "Array": ...


class _Arrays(Protocol):
    def from_array(self, array: Array, name: str) -> object: ...


class _Make(Protocol):
    """What is used of `onnx.helper`."""

    def make_node(self, op: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: object) -> object: ...
    def make_tensor(self, name: str, data_type: int, dims: Sequence[int], vals: Sequence[float]) -> object: ...
    def make_tensor_value_info(self, name: str, elem_type: int, shape: Sequence[str | int]) -> object: ...
    def make_graph(
        self,
        nodes: Sequence[object],
        name: str,
        inputs: Sequence[object],
        outputs: Sequence[object],
        initializer: Sequence[object],
    ) -> object: ...
    def make_opsetid(self, domain: str, version: int) -> object: ...
    def make_model(self, graph: object, *, opset_imports: Sequence[object], ir_version: int) -> object: ...


class _Types(Protocol):
    FLOAT: int
    INT64: int


class _Checker(Protocol):
    def check_model(self, model: object) -> None: ...


class Onnx(Protocol):
    """What is used of `onnx`."""

    helper: _Make
    numpy_helper: _Arrays
    checker: _Checker

    @property
    def TensorProto(self) -> _Types: ...  # noqa: N802 - the library's name
    def save(self, model: object, file: str, /) -> None: ...


class Shape(Struct, frozen=True):
    """An encoder's measures."""

    width: int
    layers: int
    heads: int
    epsilon: float
    """Of the layer norms."""


def graph(weights: Mapping[str, Array], shape: Shape, onnx: Onnx) -> object:
    """The model, checked. Inputs `input_ids` and `attention_mask`, both texts by tokens."""
    sheet = _Sheet(weights, onnx)
    bias = _bias(sheet)
    hidden = _embedded(sheet, shape)
    for layer in range(shape.layers):
        hidden = _layer(sheet, shape, f"encoder.layer.{layer}.", hidden, bias)
    _pooled(sheet, hidden)
    make, types = onnx.helper, onnx.TensorProto
    inputs = [make.make_tensor_value_info(name, types.INT64, ["texts", "tokens"]) for name in _INPUTS]
    outputs = [make.make_tensor_value_info("vectors", types.FLOAT, ["texts", shape.width])]
    drawn = make.make_graph(sheet.nodes, "encoder", inputs, outputs, sheet.constants)
    model = make.make_model(drawn, opset_imports=[make.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model


_INPUTS = ("input_ids", "attention_mask")


@final
class _Sheet:
    """A graph that is being drawn: each step gives the name of its output."""

    def __init__(self, weights: Mapping[str, Array], onnx: Onnx) -> None:
        self.nodes: list[object] = []
        self.constants: list[object] = []
        self._weights = weights
        self._onnx = onnx

    def do(self, op: str, *inputs: str, out: str = "", **attributes: object) -> str:
        name = out or f"{op}_{len(self.nodes)}"
        self.nodes.append(self._onnx.helper.make_node(op, inputs, [name], **attributes))
        return name

    def weight(self, name: str) -> Array:
        return self._weights[name].astype("float32")

    def put(self, array: Array) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(self._onnx.numpy_helper.from_array(array.copy(order="C"), name))
        return name

    def number(self, value: float) -> str:
        return self._tensor(self._onnx.TensorProto.FLOAT, [], [value])

    def whole(self, *values: int) -> str:
        return self._tensor(self._onnx.TensorProto.INT64, [len(values)], values)

    def _tensor(self, kind: int, dims: Sequence[int], values: Sequence[float]) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(self._onnx.helper.make_tensor(name, kind, dims, values))
        return name

    def linear(self, x: str, prefix: str) -> str:
        product = self.do("MatMul", x, self.put(self.weight(f"{prefix}.weight").T))
        return self.do("Add", product, self.put(self.weight(f"{prefix}.bias")))

    def norm(self, x: str, prefix: str, epsilon: float) -> str:
        scale, shift = self.put(self.weight(f"{prefix}.weight")), self.put(self.weight(f"{prefix}.bias"))
        return self.do("LayerNormalization", x, scale, shift, axis=-1, epsilon=epsilon)

    def to_float(self, x: str) -> str:
        return self.do("Cast", x, to=self._onnx.TensorProto.FLOAT)


def _embedded(sheet: _Sheet, shape: Shape) -> str:
    """Words, plus where they stand, plus the kind of the first and only sentence."""
    words = sheet.do("Gather", sheet.put(sheet.weight("embeddings.word_embeddings.weight")), "input_ids")
    tokens = sheet.do("Shape", "input_ids", start=1, end=2)
    places = sheet.put(sheet.weight("embeddings.position_embeddings.weight"))
    places = sheet.do("Slice", places, sheet.whole(0), tokens, sheet.whole(0))
    kind = sheet.put(sheet.weight("embeddings.token_type_embeddings.weight")[0])
    total = sheet.do("Add", sheet.do("Add", words, places), kind)
    return sheet.norm(total, "embeddings.LayerNorm", shape.epsilon)


def _bias(sheet: _Sheet) -> str:
    """What takes the filling out of every attention: texts by 1 by 1 by tokens."""
    filling = sheet.do("Sub", sheet.number(1.0), sheet.to_float("attention_mask"))
    return sheet.do("Unsqueeze", sheet.do("Mul", filling, sheet.number(HIDDEN)), sheet.whole(1, 2))


def _layer(sheet: _Sheet, shape: Shape, prefix: str, x: str, bias: str) -> str:
    size = shape.width // shape.heads

    def heads(part: str, order: Sequence[int]) -> str:
        line = sheet.linear(x, f"{prefix}attention.self.{part}")
        return sheet.do("Transpose", sheet.do("Reshape", line, sheet.whole(0, 0, shape.heads, size)), perm=order)

    query, key, value = heads("query", [0, 2, 1, 3]), heads("key", [0, 2, 3, 1]), heads("value", [0, 2, 1, 3])
    scores = sheet.do("Mul", sheet.do("MatMul", query, key), sheet.number(size**-0.5))
    shares = sheet.do("Softmax", sheet.do("Add", scores, bias), axis=-1)
    seen = sheet.do("Transpose", sheet.do("MatMul", shares, value), perm=[0, 2, 1, 3])
    seen = sheet.do("Reshape", seen, sheet.whole(0, 0, shape.width))
    attended = sheet.do("Add", sheet.linear(seen, f"{prefix}attention.output.dense"), x)
    attended = sheet.norm(attended, f"{prefix}attention.output.LayerNorm", shape.epsilon)
    wide = sheet.do("Gelu", sheet.linear(attended, f"{prefix}intermediate.dense"))
    out = sheet.do("Add", sheet.linear(wide, f"{prefix}output.dense"), attended)
    return sheet.norm(out, f"{prefix}output.LayerNorm", shape.epsilon)


def _pooled(sheet: _Sheet, x: str) -> None:
    """The mean of a text's own tokens, brought to length 1."""
    mask = sheet.do("Unsqueeze", sheet.to_float("attention_mask"), sheet.whole(-1))
    total = sheet.do("ReduceSum", sheet.do("Mul", x, mask), sheet.whole(1), keepdims=0)
    length = sheet.do("ReduceL2", total, sheet.whole(1), keepdims=1)
    sheet.do("Div", total, length, out="vectors")
