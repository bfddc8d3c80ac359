from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.request import Dialect
from antiphon.wire.signature import seal, unseal

DIALECTS = st.sampled_from(get_args(Dialect))
BASE64 = st.text("ABCxyz019+/=", min_size=1)


@given(BASE64, DIALECTS, DIALECTS)
def test_a_proof_comes_back_through_any_dialect_with_whose_it_is(proof: str, by: Dialect, through: Dialect) -> None:
    assert unseal(seal(proof, by, through), through) == (proof, by)


@given(BASE64, DIALECTS)
def test_a_dialects_own_proof_stays_as_it_is(proof: str, own: Dialect) -> None:
    assert seal(proof, own, own) == seal(proof, "", own) == proof
    assert unseal(proof, own) == (proof, own)


@pytest.mark.parametrize("value", ["nobody:abc", ":abc", "", "gemini"])
def test_what_names_no_dialect_is_the_dialects_own(value: str) -> None:
    assert unseal(value, "openai_chat") == (value, "openai_chat")
