from typing import Any

import msgspec
import pytest
from receipts import ALICE

from antiphon.control.catalogue import Listed, model, models
from antiphon.core.deployment import Deployment
from antiphon.core.error import NotFound
from antiphon.core.principal import Principal
from antiphon.routing.route import Route


def deployment(name: str, **fields: Any) -> Deployment:
    return Deployment(name=name, provider="p", model="m", **fields)


ROUTES = {
    "slow": Route(name="slow", deployments=(deployment("a", tier="premium", context_tokens=10, output_tokens=4),)),
    "fast": Route(
        name="fast",
        deployments=(
            deployment("b", tier="fast", context_tokens=30, output_tokens=9),
            deployment("c", tier="balanced", context_tokens=20, output_tokens=10),
        ),
        description="Quick.",
    ),
    "mixed": Route(name="mixed", deployments=(deployment("d", context_tokens=30), deployment("e"))),
}


def test_every_name_is_listed_in_openais_form() -> None:
    page = models(ROUTES, ALICE, created_s=7)

    assert msgspec.to_builtins(page) == {
        "object": "list",
        "data": (
            {
                "id": "fast",
                "object": "model",
                "created": 7,
                "owned_by": "antiphon",
                "description": "Quick.",
                "tiers": ("balanced", "fast"),
                "context_window": 20,
                "max_output_tokens": 9,
            },
            {"id": "mixed", "object": "model", "created": 7, "owned_by": "antiphon"},
            {
                "id": "slow",
                "object": "model",
                "created": 7,
                "owned_by": "antiphon",
                "tiers": ("premium",),
                "context_window": 10,
                "max_output_tokens": 4,
            },
        ),
    }


@pytest.mark.parametrize(
    ("allowed", "names"),
    [(("*",), ["fast", "mixed", "slow"]), (("s*", "fast"), ["fast", "slow"]), ((), []), (("nope",), [])],
)
def test_a_key_sees_what_it_may_ask_for(allowed: tuple[str, ...], names: list[str]) -> None:
    principal = Principal(tenant="t", key="k", models=allowed)

    assert [entry.id for entry in models(ROUTES, principal, 7).data] == names
    for name in ROUTES:
        if name in names:
            assert model(ROUTES, principal, 7, name).id == name
        else:
            with pytest.raises(NotFound) as caught:
                model(ROUTES, principal, 7, name)
            assert (caught.value.said_code, caught.value.param) == ("model_not_found", "model")


def test_one_entry_is_the_same_as_in_the_list() -> None:
    assert [model(ROUTES, ALICE, 7, entry.id) for entry in models(ROUTES, ALICE, 7).data] == list(
        models(ROUTES, ALICE, 7).data
    )
    assert isinstance(model(ROUTES, ALICE, 7, "fast"), Listed)


def test_a_name_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound, match="'nope'"):
        model(ROUTES, ALICE, 7, "nope")
