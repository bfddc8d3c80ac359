import resource

import pytest

from antiphon.cli.checks import machine
from antiphon.cli.checks.packages import fits, packages
from antiphon.config.settings import Settings
from antiphon.net.settings import Bounds
from antiphon.server.settings import ServerSettings


@pytest.mark.parametrize(
    ("have", "bounds", "good"),
    [
        ("0.9.3", ">=0.9,<0.10", True),
        ("0.10", ">=0.9,<0.10", False),
        ("0.10.0", "<0.10", False),
        ("50.0.2", "<51,>=50", True),
        ("50", "==50.0", True),
        ("49.9rc1", ">=50", False),
        ("2", "!=2.0,>1", False),
        ("1", "", True),
    ],
)
def test_a_version_fits_its_bounds(have, bounds, good):
    assert fits(have, bounds) is good


def test_the_packages_of_this_environment_fit():
    assert [one.state for one in packages()] == ["ok"]


def test_a_clock_behind_the_newest_receipt_is_wrong():
    assert machine.clock(None).state == "ok"
    assert machine.clock(2**62).state == "wrong"


def test_few_file_descriptors_are_noted():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * Settings().server.limits.max_connections
    state = "ok" if hard == resource.RLIM_INFINITY or hard > needed + 1000 else "note"
    assert machine.descriptors(Settings()).state == state
    roomy = Settings(server=ServerSettings(limits=Bounds(max_connections=1_000_000)))
    found = machine.descriptors(roomy)
    assert found.state == ("ok" if hard == resource.RLIM_INFINITY or hard > 2_000_100 else "note")
    assert (found.remedy == "") is (found.state == "ok")
