"""One lab and one gateway for all suites of SDKs."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sdk_sockets import sockets_are_let_go, sockets_may_be_left

from antiphon.providers.lab.run import Running, running
from rig.config import ALICE
from rig.gateway import Gateway
from rig.loop import LoopThread

__all__ = ["sockets_are_let_go", "sockets_may_be_left"]

sys.path.append(str(Path(__file__).parent))

from suite.places import UPSTREAMS, gateway_config, lab_settings


@pytest.fixture(scope="session")
def lab() -> Iterator[Running]:
    loop = LoopThread()
    context = running(lab_settings())
    yield loop.enter(context)
    loop.leave(context)
    loop.close()


@pytest.fixture(scope="session")
def gateway(lab: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    one = Gateway(tmp_path_factory.mktemp("contract"), gateway_config(lab.url), key=ALICE)
    try:
        yield one.start()
    finally:
        one.close()


@pytest.fixture(params=UPSTREAMS)
def up(request: pytest.FixtureRequest) -> str:
    """The model of each upstream in turn."""
    return request.param
