"""Whether a tier keeps programs in: it is given one that tries to get out, before it is given any other."""

import json
import os
import socket
from contextlib import closing

from msgspec import Struct

from antiphon.core.sandbox import SandboxLimits, SandboxTier
from antiphon.sandbox.tier import Job, Missing, Tier

_LIMITS = SandboxLimits(cpu_s=2.0, wall_s=10.0, memory_bytes=268_435_456, output_bytes=16_384)
_TRIES = """
import os, socket, signal
done = []
def attempt(name, what):
    try:
        what()
    except (OSError, MemoryError):
        pass
    else:
        done.append(name)
attempt("read a file outside", lambda: open("/etc/hostname").read() and open("/etc/passwd").read())
attempt("read this repository of processes", lambda: open("/proc/1/environ", "rb").read())
attempt("write a file outside", lambda: open(TARGET, "w").write("out"))
attempt("connect", lambda: socket.create_connection(("127.0.0.1", PORT), 1))
attempt("begin a process", lambda: os.fork() or os._exit(0))
attempt("begin a program", lambda: os.execv("/bin/true", ["/bin/true"]))
attempt("signal another process", lambda: os.kill(os.getppid(), 0))
attempt("take more memory than it may", lambda: bytearray(1_000_000_000))
print(done)
"""
_MONTY_TRIES = """
done = []
def read():
    return open("/etc/passwd").read()
def write():
    return open(TARGET, "w").write("out")
def connect():
    import socket
    return socket.create_connection(("127.0.0.1", PORT))
def begin():
    import subprocess
    return subprocess.run(["/bin/true"])
for name, what in (("read a file outside", read), ("write a file outside", write), ("connect", connect), ("begin", begin)):
    try:
        what()
        done.append(name)
    except Exception:
        pass
print(done)
"""

_SHELL_TRIES = """
try() { name=$1; shift; "$@" >/dev/null 2>&1 && echo "$name"; }
try 'read a file outside' cat /etc/passwd
try 'read the environment of another process' cat /proc/1/environ
try 'write a file outside' sh -c 'echo out > TARGET'
try 'write among programs' sh -c 'echo out > /usr/bin/out'
try 'connect' bash -c 'exec 3<>/dev/tcp/127.0.0.1/PORT'
try 'make a namespace' unshare -U true
try 'run what it wrote' sh -c 'cp /bin/true mine && chmod +x mine && ./mine'
:
"""


class Probed(Struct, frozen=True, kw_only=True):
    """What is known of a tier."""

    tier: SandboxTier
    why: str = ""
    """Why it can't be used; empty: it can."""
    took_s: float = 0.0


async def probe_shell(tier: Tier) -> str:
    """Why a tier can't be used for a shell's programs, where Python's are kept in; empty: it can."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        target = f"/tmp/antiphon-probe-{os.getpid()}"  # noqa: S108 - a place that anyone can write to, which is the point
        code = _SHELL_TRIES.replace("TARGET", target).replace("PORT", str(listener.getsockname()[1]))
        try:
            ran = await tier.run(Job(code=code, language="shell", limits=_LIMITS))
        except (Missing, OSError) as error:
            return str(error)
    if ran.exit != 0:
        return f"its self-test failed: {ran.stderr.strip()[-200:]}"
    out = ", ".join(ran.stdout.split("\n")[:-1])
    return f"it doesn't keep a shell in, which could {out}" if out else ""


async def probe(tier: Tier) -> Probed:
    """Find out whether a tier keeps a program in."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        target = f"/tmp/antiphon-probe-{os.getpid()}"  # noqa: S108 - a place that anyone can write to, which is the point
        tries = _MONTY_TRIES if tier.name == "monty" else _TRIES
        code = tries.replace("TARGET", repr(target)).replace("PORT", str(listener.getsockname()[1]))
        try:
            ran = await tier.run(Job(code=code, limits=_LIMITS))
        except (Missing, OSError) as error:
            return Probed(tier=tier.name, why=str(error))
    if ran.exit != 0:
        return Probed(tier=tier.name, why=f"its self-test failed: {ran.stderr.strip()[-200:]}", took_s=ran.took_s)
    out = json.loads(ran.stdout.replace("'", '"'))
    why = f"it doesn't keep a program in, which could {', '.join(out)}" if out else ""
    return Probed(tier=tier.name, why=why, took_s=ran.took_s)
