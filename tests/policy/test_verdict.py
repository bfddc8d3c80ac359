from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.principal import Principal
from antiphon.policy.verdict import decide

NAMES = st.sampled_from(["fast", "fast-2", "slow", "f"])


@given(st.lists(NAMES | NAMES.map(lambda name: f"{name}*"), max_size=3), NAMES)
def test_a_key_gets_what_its_models_list(models: list[str], model: str) -> None:
    principal = Principal(tenant="t", key="k", models=tuple(models))

    verdict = decide(principal, model)

    assert verdict.allowed == principal.may_ask(model)
    assert verdict.reasons == ("key.models",)
    assert verdict.excluded == ()
