"""Kinds of objects that the admin API owns. Commands load this module, and no other of theirs."""

from typing import Literal, get_args

ObjectKind = Literal["key", "budget", "limit", "account", "binding", "policy", "document"]
OBJECT_KINDS: tuple[ObjectKind, ...] = get_args(ObjectKind)
