"""Programs in namespaces of their own: the program `bwrap` makes them, and inside the same rules hold as by Landlock."""

import shutil
from pathlib import Path

from antiphon.core.sandbox import Ran, SandboxTier
from antiphon.sandbox import landlock, process
from antiphon.sandbox.interpreter import INNER, command, library, programs, python
from antiphon.sandbox.process import Inside
from antiphon.sandbox.tier import Job, Missing, Tier

_FOLDER = "/program"
_WRITABLE_BYTES = 16_777_216


class Bubblewrap(Tier):
    """Its own root with the interpreter in it, read-only; its own processes, network and names; 16 MiB to write in."""

    name: SandboxTier = "bubblewrap"

    async def run(self, job: Job) -> Ran:
        program = shutil.which("bwrap")
        if program is None:
            raise Missing("there is no program bwrap: install bubblewrap")

        def around(handed: list[str], folder: Path) -> list[str]:
            return [program, *_namespaces(folder, job), "--", *command(int(handed[0]))]

        inside = Inside(folder=_FOLDER, writes=True)
        return await process.run(self.name, job, inside, around, landlock=landlock.version())

    def final(self, ran: Ran) -> bool:
        return True


def _namespaces(folder: Path, job: Job) -> list[str]:
    """What bwrap is told."""
    told = ["--unshare-all", "--die-with-parent", "--clearenv", "--cap-drop", "ALL"]
    told += ["--hostname", "sandbox", "--size", "1048576", "--tmpfs", "/"]
    for path in dict.fromkeys((*library(), python(), str(INNER))):
        told += ["--ro-bind", path, path]
    links = ["/lib", "/lib64"]
    if job.language == "shell":
        links.append("/bin")
        for path in programs():
            told += ["--ro-bind", path, path]
        told += ["--dev-bind", "/dev/null", "/dev/null"]
    for path in map(Path, links):
        told += ["--symlink", str(path.readlink()), str(path)] if path.is_symlink() else []
    told += ["--size", str(_WRITABLE_BYTES), "--tmpfs", _FOLDER]
    for name in job.files:
        told += ["--ro-bind", str(folder / name), f"{_FOLDER}/{name}"]
    return [*told, "--remount-ro", "/", "--chdir", _FOLDER]
