import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import closing

import pytest

from antiphon.app.child import Child, fork


def ended(body: Callable[[], None]) -> Child:
    child = fork(body)
    child.wait()
    return child


def test_a_child_that_returns_ends_well() -> None:
    child = ended(lambda: None)

    assert (child.status, child.ended()) == (0, True)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_child_that_raises_ends_with_one_and_says_why(
    error: type[BaseException], capfd: pytest.CaptureFixture[str]
) -> None:
    def body() -> None:
        raise error("the reason")

    assert ended(body).status == 1
    assert "the reason" in capfd.readouterr().err


def test_a_child_runs_nothing_of_its_parents_behind_its_body(capfd: pytest.CaptureFixture[str]) -> None:
    child = fork(lambda: None)
    print("once")
    child.wait()
    sys.stdout.flush()

    assert capfd.readouterr().out == "once\n"


def test_a_killed_child_says_by_what() -> None:
    child = fork(signal.pause)

    running = child.ended()
    child.signal(signal.SIGKILL)
    child.wait()

    assert (running, child.status) == (False, -signal.SIGKILL)
    child.signal(signal.SIGKILL)
    child.wait()
    assert child.status == -signal.SIGKILL


def test_a_child_has_the_plain_signals_whatever_its_parent_has() -> None:
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    reader, writer = os.pipe()

    def body() -> None:
        os.write(writer, b"up")
        signal.pause()

    try:
        child = fork(body)
        os.read(reader, 2)
        child.signal(signal.SIGTERM)
        child.wait()
    finally:
        signal.signal(signal.SIGTERM, before)
        os.close(reader)
        os.close(writer)

    assert child.status == -signal.SIGTERM


def test_a_child_outlives_the_terminal() -> None:
    assert ended(lambda: os.kill(os.getpid(), signal.SIGHUP)).status == 0


def test_a_child_closes_what_is_its_parents_alone() -> None:
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        number = ours.fileno()

        def body() -> None:
            try:
                os.fstat(number)
            except OSError:
                theirs.sendall(b"closed")

        child = fork(body, closing=[ours], control=ours)
        child.wait()

        assert ours.recv(16) == b"closed"
        assert child.control is ours
