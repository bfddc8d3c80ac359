"""Real processes for end-to-end tests; nothing of them outlives the test, or the session, that started it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rig.config import ALICE, to_upstream
from rig.gateway import Config, Gateway
from rig.loop import LoopThread
from rig.upstream import Upstream, upstream

Start = Callable[..., Gateway]


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
