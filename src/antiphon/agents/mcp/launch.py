"""Begins a server's program within limits. A program of its own: nothing of Antiphon is here.

Started as `python -I -S -B launch.py LIMITS COMMAND…`; LIMITS is `parent,memory_bytes,cpu_s,files,file_bytes`. The program ends when
whoever started it does, gets no new rights, and leaves no dump.
"""

import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
FAILED = 97


def main() -> None:
    parent, memory, cpu_s, files, file_bytes = map(int, sys.argv[1].split(","))
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((_PR_SET_PDEATHSIG, signal.SIGKILL), (_PR_SET_NO_NEW_PRIVS, 1)):
        if libc.prctl(option, value, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:
        sys.exit(FAILED)  # whoever started it was gone before its end could be watched
    for which, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_NOFILE, files),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(which, (limit, limit))
    try:
        os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - that no shell reads it is meant
    except OSError as error:
        os.write(2, f"{sys.argv[2]}: {error}\n".encode())
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
