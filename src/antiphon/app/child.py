"""A forked process."""

import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterable

_HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class Child:
    """Its parent's view of it."""

    def __init__(self, pid: int, control: socket.socket | None) -> None:
        self.pid = pid
        self.control = control
        self.status: int | None = None
        """Exit code once it has ended; negative: the signal that ended it."""

    def ended(self) -> bool:
        """Whether it runs no more; does not wait."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def wait(self) -> None:
        if self.status is None:
            _, status = os.waitpid(self.pid, 0)
            self.status = os.waitstatus_to_exitcode(status)

    def signal(self, number: signal.Signals) -> None:
        if not self.ended():
            os.kill(self.pid, number)


def fork(
    body: Callable[[], None], *, closing: Iterable[socket.socket] = (), control: socket.socket | None = None
) -> Child:
    """Run a function in a new process that ends with it.

    Args:
        closing: Sockets of the parent that the child must not keep open.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)  # a signal must not meet the parent's handlers in a child
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, kept)
        return Child(pid, control)
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in _HANDLED:
            signal.signal(number, signal.SIG_IGN if number == signal.SIGHUP else signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, kept)
        for sock in closing:
            sock.close()
        body()
        code = 0
    except BaseException:  # noqa: BLE001 - the end of a process: told, and its exit code says it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
