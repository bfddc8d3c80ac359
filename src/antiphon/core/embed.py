"""The canonical forms of a request for embeddings and of its answer. For `extra` see `core.content`."""

from typing import Literal

from msgspec import Struct, field

from antiphon.core.content import Extra, Part
from antiphon.core.request import Dialect
from antiphon.core.usage import Usage

Task = Literal["query", "document", "similarity", "classification", "clustering", "question", "fact", "code"]
"""What the vectors are for; `question`, `fact` and `code` are queries that look for answers, evidence and code."""
Form = Literal["float", "base64"]
"""Numbers in JSON, or base64 of little-endian 32-bit floats."""


class Mixed(Struct, frozen=True, kw_only=True):
    """One input that is more than a text: texts and images that make one vector together."""

    parts: tuple[Part, ...]
    extra: Extra = field(default_factory=Extra)


Input = str | tuple[int, ...] | Mixed
"""A text, a text's tokens in the model's own vocabulary, or something mixed."""


class EmbedAsk(Struct, frozen=True, kw_only=True):
    """Everything that a request for embeddings says."""

    dialect: Dialect
    """Whose `extra` this is."""
    inputs: tuple[Input, ...]
    single: bool = False
    """The one input did not come in a list."""
    dimensions: int | None = None
    form: Form | None = None
    """None: the dialect's usual one, numbers in all."""
    task: Task | None = None
    task_field: str = ""
    """The name that the task came under, where the dialect has several."""
    title: str | None = None
    """Of the document that is embedded."""
    user: str | None = None
    extra: Extra = field(default_factory=Extra)


class Vector(Struct, frozen=True, kw_only=True):
    """The embedding of one input, in the form that it came in: exactly one of the two is there."""

    numbers: bytes | None = None
    """A list of numbers as JSON has it, unread: no digit is lost, and none has to be looked at."""
    base64: str | None = None
    """Base64 of little-endian 32-bit floats."""
    extra: Extra = field(default_factory=Extra)


class EmbedAnswer(Struct, frozen=True, kw_only=True):
    """All vectors of an answer, in the order of the inputs."""

    dialect: Dialect
    """Whose `extra` this is."""
    vectors: tuple[Vector, ...]
    id: str = ""
    model: str = ""
    usage: Usage | None = None
    usage_raw: Extra = field(default_factory=Extra)
    """The usage as it came, where it says more than `usage`, or what can't be believed. It wins over `usage`."""
    extra: Extra = field(default_factory=Extra)
