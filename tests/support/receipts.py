"""Receipts for tests that are not about what they say."""

from typing import Any

from antiphon.core.principal import Principal
from antiphon.core.receipt import Receipt

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


def receipt_id(number: int) -> str:
    return f"{number:08x}-0000-7000-8000-000000000000"
