"""Real processes for end-to-end tests; nothing of them outlives the test, or the session, that started it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphon.providers.lab.run import Running, running
from rig.config import ALICE, to_upstream
from rig.fixtures import Measure, Start
from rig.gateway import Config, Gateway
from rig.labs import lab_settings, to_lab
from rig.loop import LoopThread
from rig.upstream import Upstream, upstream

MEASURED = pytest.StashKey[dict[str, list[float]]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[MEASURED] = {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was measured on the way. No test fails by it: machines differ."""
    for name, values in terminalreporter.config.stash[MEASURED].items():
        middle = sorted(values)[len(values) // 2]
        terminalreporter.write_line(
            f"measured {name}: {len(values)} times, median {middle:.1f}, most {max(values):.1f}"
        )


@pytest.fixture
def measure(pytestconfig: pytest.Config) -> Measure:
    """Notes a number under a name that says its unit."""
    return lambda name, value: pytestconfig.stash[MEASURED].setdefault(name, []).append(value)


@pytest.fixture(scope="session")
def servers() -> Iterator[LoopThread]:
    """The thread in which upstreams and labs answer."""
    loop = LoopThread()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def upstream_shared(servers: LoopThread) -> Iterator[Upstream]:
    context = upstream()
    yield servers.enter(context)
    servers.leave(context)


@pytest.fixture
def up(servers: LoopThread) -> Iterator[Upstream]:
    """An upstream of this test's own."""
    context = upstream()
    yield servers.enter(context)
    servers.leave(context)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts gateways for one test."""
    begun: list[Gateway] = []

    def started(config: Config, *arguments: str, key: str = ALICE, home: Path | None = None, **more: str) -> Gateway:
        one = Gateway(home or tmp_path, config, arguments, environ=more, key=key)
        begun.append(one)
        return one.start()

    yield started
    for one in begun:
        one.close()


@pytest.fixture(scope="session")
def relayed(upstream_shared: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Upstream]]:
    """A gateway in front of an upstream that does what a test says, shared by tests that leave it as it was."""
    one = Gateway(tmp_path_factory.mktemp("relayed"), to_upstream(upstream_shared.url), key=ALICE)
    try:
        yield one.start(), upstream_shared
    finally:
        one.close()


@pytest.fixture(scope="session")
def lab(servers: LoopThread) -> Iterator[Running]:
    context = running(lab_settings())
    yield servers.enter(context)
    servers.leave(context)


@pytest.fixture(scope="session")
def gateway(lab: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway in front of a lab, shared by tests that leave it as it was."""
    one = Gateway(tmp_path_factory.mktemp("lab"), to_lab(f"{lab.url}/v1"), key=ALICE)
    try:
        yield one.start()
    finally:
        one.close()
