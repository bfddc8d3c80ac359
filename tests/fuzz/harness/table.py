"""Every target by name. A target takes any bytes and returns; what it raises is a finding."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from harness import answers, asks, expressions, streams, syntax

TARGETS: Mapping[str, Callable[[bytes], None]] = MappingProxyType(
    {**syntax.targets(), **expressions.targets(), **asks.targets(), **answers.targets(), **streams.targets()}
)
