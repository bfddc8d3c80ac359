"""Runs one program within the limits that it sets itself before. It is a program of its own: nothing of Antiphon is here.

Started by `process.py` as `python -I -S -B inner.py FD`. FD holds JSON: `code`, `cpu_s`, `memory_bytes`, `file_bytes`,
`readable` (paths that it may read beneath), `folder` (its working directory), `writes` (whether it may write there),
`filter` (the system calls it may make, base64) and `landlock` (the version that the kernel knows; 0: none). Whatever fails
before the program runs ends this with FAILED, and no line of the program runs.
"""

import base64
import ctypes
import json
import math
import os
import resource
import sys
from typing import Any, NoReturn

FAILED = 97
BEGUN = b"begun"
"""Put at the beginning of FD when nothing can go wrong any more but the program."""
_PR_SET_NO_NEW_PRIVS, _PR_CAPBSET_DROP, _PR_SET_SECCOMP, _PR_SET_DUMPABLE = 38, 24, 22, 4
_SECCOMP_MODE_FILTER = 2
_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same numbers on every machine
_CAPABILITY_VERSION = 0x20080522
_FS_BITS = (0, 13, 14, 15, 15, 16, 16, 16)
"""Rights to files that each version of Landlock knows. Source: Linux, include/uapi/linux/landlock.h."""
_READ, _WRITE, _EXECUTE = 0b1100, 0b10, 0b1  # files and folders; files; files
_FILE_BITS = 0xC007  # execute, write, read, truncate, control a device: what there is for a file
_LIBC = ctypes.CDLL(None, use_errno=True)


class _Rules(ctypes.Structure):
    _fields_ = [("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


class _Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("lines", ctypes.c_void_p)]


def main() -> None:
    handed = int(sys.argv[1])
    try:
        with os.fdopen(handed, "rb", closefd=False) as file:
            job: dict[str, Any] = json.load(file)
        _bound(job)
        _confine(job)
        os.pwrite(handed, BEGUN, 0)
        os.close(handed)
    except BaseException as error:  # noqa: BLE001 - whatever it is, no program runs
        _fail(str(error))
    if job["shell"]:
        _begin(job)
    sys.argv = ["program.py"]
    _run(job["code"])


def _begin(job: dict[str, Any]) -> NoReturn:
    """Be `sh` from here on."""
    folder = job["folder"]
    around = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": folder, "TMPDIR": folder}
    try:
        os.execve("/bin/sh", ["sh", "-c", job["code"]], around)  # noqa: S606 - what this is for
    except OSError as error:
        _fail(f"sh: {error.strerror}")


def _run(source: str) -> None:
    """Run the program. What it raises is told as Python tells it, without this file's part."""
    program: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__}
    try:
        exec(compile(source, "program.py", "exec", dont_inherit=True), program)  # noqa: S102 - what this file is for
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - a program may raise anything
        import traceback

        begun = error.__traceback__.tb_next if error.__traceback__ is not None else None
        traceback.print_exception(type(error), error, begun)
        sys.exit(1)


def _fail(why: str) -> NoReturn:
    os.write(2, f"the sandbox couldn't be set up: {why}\n".encode())
    os._exit(FAILED)


def _bound(job: dict[str, Any]) -> None:
    """Limits that the kernel holds."""
    seconds = math.ceil(job["cpu_s"])
    processes = job["processes"] if job["shell"] else 0
    memory = job["memory_bytes"] * 4 // processes if processes else job["memory_bytes"]
    limits = (
        (resource.RLIMIT_CPU, seconds, seconds + 1),
        (resource.RLIMIT_AS, memory, memory),
        (resource.RLIMIT_FSIZE, job["file_bytes"], job["file_bytes"]),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NOFILE, 64, 64),
    )
    if processes:
        limits = (*limits, (resource.RLIMIT_NPROC, processes, processes))
    os.chdir(job["folder"])
    for which, soft, hard in limits:
        resource.setrlimit(which, (soft, hard))


def _confine(job: dict[str, Any]) -> None:
    """Give up every right that isn't needed, for good."""
    _call("no new rights", _LIBC.prctl, _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _call("no reading by others", _LIBC.prctl, _PR_SET_DUMPABLE, 0, 0, 0, 0)
    for capability in range(64):
        _LIBC.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    _call("no capabilities", _LIBC.capset, ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))
    if job["landlock"]:
        _landlock(job)
    raw = base64.b64decode(job["filter"])
    held = ctypes.create_string_buffer(raw, len(raw))
    program = _Filter(len(raw) // 8, ctypes.cast(held, ctypes.c_void_p))
    _call("system calls", _LIBC.prctl, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)


def _landlock(job: dict[str, Any]) -> None:
    version = min(job["landlock"], len(_FS_BITS) - 1)
    rules = _Rules((1 << _FS_BITS[version]) - 1, 0b11 if version >= 4 else 0, 0b11 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = _call("rules", _LIBC.syscall, _CREATE, ctypes.byref(rules), ctypes.c_size_t(size), 0)
    rights = [(path, _READ | (_EXECUTE if job["shell"] else 0)) for path in job["readable"]]
    if job["shell"]:
        rights.append(("/dev/null", _READ | _WRITE))
    rights.append((job["folder"], rules.fs & ~1 if job["writes"] else _READ))
    for path, allowed in rights:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        held = allowed if os.path.isdir(path) else allowed & _FILE_BITS  # noqa: PTH112 - pathlib takes long to load
        _call(f"rules for {path}", _LIBC.syscall, _ADD, ruleset, 1, ctypes.byref(_Beneath(held, place)), 0)
        os.close(place)
    _call("rules", _LIBC.syscall, _RESTRICT, ruleset, 0)
    os.close(ruleset)


def _call(what: str, function: Any, *arguments: Any) -> int:
    found: int = function(*arguments)
    if found < 0:
        raise OSError(f"{what}: {os.strerror(ctypes.get_errno())}")
    return found


if __name__ == "__main__":
    main()
