"""A receipt's two halves."""

import msgspec

from antiphon.core.principal import Principal
from antiphon.core.receipt import Basis, Receipt, Told
from antiphon.core.verdict import Verdict


def fields(struct: type[msgspec.Struct]) -> dict[str, tuple[object, object]]:
    return {field.name: (field.type, field.default) for field in msgspec.structs.fields(struct)}


def test_a_receipt_is_what_is_told_and_what_it_was_decided_on() -> None:
    assert fields(Receipt) == {**fields(Told), **fields(Basis)}
    assert not fields(Told).keys() & fields(Basis).keys()


def test_a_tail_ends_what_was_told() -> None:
    told = Told(id="r", at_ns=1, outcome="running", size_bytes=3)
    basis = Basis(
        revision="v", principal=Principal(tenant="acme", key="alice"), asked="fast", verdict=Verdict(allowed=True)
    )

    receipt = msgspec.json.decode(msgspec.json.encode(told)[:-1] + basis.tail(), type=Receipt)

    assert receipt == Receipt(**msgspec.structs.asdict(told), **msgspec.structs.asdict(basis))
