from ruled import DEPLOYMENTS

from antiphon.core.plan import Candidate
from antiphon.routing.roster import Roster

BY_NAME = {one.name: one for one in DEPLOYMENTS}


def test_a_group_has_the_models_that_are_named_then_those_of_its_tiers_each_once() -> None:
    found = Roster(deployments=BY_NAME).group(["sound", "swift"], ["premium", "fast"])

    assert found is not None
    assert found.names == ("sound", "swift", "grand", "quick")
    assert found.candidates == tuple(Candidate(deployment=name) for name in found.names)


def test_who_names_nobody_has_no_group() -> None:
    roster = Roster(deployments=BY_NAME)

    assert roster.group([], []) is None
    assert roster.group(["nobody"], ["none"]) is None


def test_whoever_can_not_be_asked_loses_and_is_told_why() -> None:
    found = Roster(deployments=BY_NAME, lost={"quick": "no key"}).group(["quick", "sound"], [])

    assert found is not None
    assert found.names == ("sound",)
    assert found.candidates[-1] == Candidate(deployment="quick", lost="no key")


def test_a_simulated_one_leaves_a_group_with_a_real_one_that_can_be_asked() -> None:
    lab = frozenset({"quick"})

    mixed, alone, off = (
        Roster(deployments=BY_NAME, lab=lab, lost=lost).group(models, [])
        for models, lost in ((["quick", "sound"], {}), (["quick"], {}), (["quick", "sound"], {"sound": "no key"}))
    )

    assert mixed is not None
    assert alone is not None
    assert off is not None
    assert (mixed.names, mixed.lost) == (("sound",), (Candidate(deployment="quick", lost="lab"),))
    assert alone.names == off.names == ("quick",)
