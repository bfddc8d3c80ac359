"""Receipts for tests that are not about what they say."""

from typing import Any

from msgspec import structs

from antiphon.core.principal import Principal
from antiphon.core.receipt import Basis, Receipt, Told

ALICE = Principal(tenant="acme", key="alice")


def receipt(number: int, outcome: Any = "ok", **fields: Any) -> Receipt:
    """The number makes the id; later ones sort behind."""
    return Receipt(
        **{
            "id": receipt_id(number),
            "at_ns": number,
            "revision": "r",
            "outcome": outcome,
            "principal": ALICE,
            **fields,
        }
    )


def halves(whole: Receipt) -> tuple[Told, bytes]:
    """A receipt as the path hands it to a journal: what is told, and the tail of its basis."""
    said = structs.asdict(whole)
    basis = Basis(**{name: said.pop(name) for name in Basis.__struct_fields__})
    return Told(**said), basis.tail()


def receipt_id(number: int) -> str:
    return f"{number:08x}-0000-7000-8000-000000000000"
