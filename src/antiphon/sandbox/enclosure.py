"""Where a program that goes on and talks to us is kept in: namespaces of its own, made by `bwrap`."""

import asyncio
import json
import os
import shutil
import socket
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from antiphon.sandbox.begun import begun, ended
from antiphon.sandbox.interpreter import python
from antiphon.sandbox.tier import Missing

_TEMPORARY_BYTES = 16_777_216
_PROBE_S = 10.0
_SYSTEM = (
    *("/etc/alternatives", "/etc/ca-certificates", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d"),
    *("/etc/localtime", "/etc/mime.types", "/etc/pki/ca-trust/extracted", "/etc/pki/tls/cert.pem"),
    *("/etc/pki/tls/certs", "/etc/ssl/cert.pem", "/etc/ssl/certs", "/etc/ssl/openssl.cnf"),
)
"""Read beside `/usr`: what programs can't do without, and no secret of the machine's."""
_NAMES = ("/etc/host.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/services")
"""Read too where there is a network."""
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_MORE = (("--unshare-user", "--disable-userns", "--proc", "/proc"), ("--proc", "/proc"), ())
"""Tried in this order: some versions of bwrap and some containers refuse the one or the other."""
_TRIES = """
import json, os, socket, sys
target, canary, port = sys.argv[1:]
done = []
def attempt(name, what):
    try:
        what()
    except OSError:
        pass
    else:
        done.append(name)
attempt("read a file outside", lambda: open(canary).read())
try:
    open(target, "w").write("out")
except OSError:
    pass
attempt("write among programs", lambda: os.open("/usr", os.O_TMPFILE | os.O_WRONLY))
attempt("connect", lambda: socket.create_connection(("127.0.0.1", int(port)), 1))
print(json.dumps(done))
"""


class Reach(Struct, frozen=True, kw_only=True):
    """What a program may reach beside itself, its libraries and its folder. Paths are absolute."""

    network: bool = False
    """All of the machine's; else none."""
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()


class Enclosure:
    """Made once for a process: whether it keeps programs in is found out at the first use, by one that tries to get out."""

    def __init__(self, bwrap: str = "bwrap") -> None:
        self._bwrap = bwrap
        self._probing = asyncio.Lock()
        self._why: str | None = None
        self._more: tuple[str, ...] = ()

    async def around(self, command: Sequence[str], folder: str, reach: Reach, path: str) -> list[str]:
        """The command that runs another one kept in.

        Args:
            folder: Where it begins, and may write.
            path: Of its environment: where its program is looked for.
        Raises: Missing: programs can't be kept in here, or there is no such program, file or folder.
        """
        async with self._probing:
            if self._why is None:
                self._why = await self._probed()
        if self._why:
            raise Missing(self._why)
        return await asyncio.to_thread(self._around, command, folder, reach, path)

    def _around(self, command: Sequence[str], folder: str, reach: Reach, path: str) -> list[str]:
        found = shutil.which(command[0], path=path)
        if found is None:
            raise Missing(f"there is no program {command[0]}")
        gone = [one for one in (*reach.read, *reach.write) if not Path(one).exists()]
        if gone:
            raise Missing(f"there is no {', '.join(gone)}, which it is to have")
        program = Path(found).absolute()
        files = [one for one in command[1:] if one.startswith("/") and Path(one).is_file()]
        own = (*_homes(program), *files)
        return [self._bwrap, *_namespaces(folder, reach, own, self._more), "--", str(program), *command[1:]]

    async def _probed(self) -> str:
        """Why programs can't be kept in; empty: they can."""
        if shutil.which(self._bwrap) is None:
            return f"there is no program {self._bwrap}: install bubblewrap"
        why = ""
        for more in _MORE:
            self._more = more
            why = await _tried(self._bwrap, more)
            if not why:
                break
        return why


def _namespaces(folder: str, reach: Reach, own: Sequence[str], more: Sequence[str]) -> list[str]:
    told = ["--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--hostname", "sandbox"]
    told += ["--share-net"] if reach.network else []
    told += ["--size", "1048576", "--tmpfs", "/", *more, "--ro-bind", "/usr", "/usr"]
    for path in map(Path, ("/bin", "/sbin", "/lib", "/lib64", "/lib32")):
        if path.is_symlink():
            told += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            told += ["--ro-bind", str(path), str(path)]
    for one in (*_SYSTEM, *(_NAMES if reach.network else ())):
        told += ["--ro-bind-try", one, one]
    for one in _DEVICES:
        told += ["--dev-bind-try", one, one]
    told += ["--size", str(_TEMPORARY_BYTES), "--tmpfs", "/tmp"]  # noqa: S108 - its own, not the machine's
    for one in dict.fromkeys((*own, *reach.read)):
        told += ["--ro-bind", one, one]
    for one in dict.fromkeys((*reach.write, folder)):
        told += ["--bind", one, one]
    return [*told, "--remount-ro", "/", "--chdir", folder]


def _homes(program: Path) -> list[str]:
    """What a program needs of its own: itself, and where it is Python's or another in a folder `bin`, the libraries beside."""
    found: list[str] = []
    for one in (program, program.resolve()):
        home = one.parent.parent
        if (home / "pyvenv.cfg").is_file():
            found.append(str(home))
            found += _homes((home / "bin/python").resolve())
        elif one.parent.name == "bin" and home != Path("/"):
            found += [str(beside) for beside in (one.parent, home / "lib", home / "lib64") if beside.is_dir()]
        else:
            found.append(str(one))
    return [one for one in dict.fromkeys(found) if not one.startswith(("/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/"))]


async def _tried(bwrap: str, more: Sequence[str]) -> str:
    """What comes of a program that tries to get out. Returns: why it isn't kept in; empty: it is."""
    with (
        TemporaryDirectory(prefix="antiphon-probe-") as folder,
        closing(socket.create_server(("127.0.0.1", 0))) as open_,
    ):
        canary, inside = _laid_out(folder)
        program = python()
        tries = (_TRIES, str(Path(folder, "out")), canary, str(open_.getsockname()[1]))
        told = _namespaces(inside, Reach(), _homes(Path(program)), more)
        process = await begun(
            *(bwrap, *told, "--", program, "-I", "-S", "-B", "-c", *tries),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": os.defpath},
            cwd="/",
        )
        try:
            async with asyncio.timeout(_PROBE_S):
                out, err = await process.communicate()
        except TimeoutError:
            return "its self-test took too long"
        finally:
            await asyncio.shield(ended(process))
        written = _there(Path(folder, "out"))  # in a folder for a while that is its own, it may have been
    if process.returncode:
        return err.decode("utf-8", "replace").strip()[-200:] or f"its self-test ended with {process.returncode}"
    done = [*json.loads(out), *(["write a file outside"] if written else [])]
    return f"it doesn't keep a program in, which could {', '.join(done)}" if done else ""


def _laid_out(folder: str) -> tuple[str, str]:
    """A file that a program is not to read, and the folder that it begins in."""
    canary, inside = Path(folder, "canary"), Path(folder, "inside")
    canary.write_text("outside")
    inside.mkdir()
    return str(canary), str(inside)


def _there(path: Path) -> bool:
    return path.exists()
