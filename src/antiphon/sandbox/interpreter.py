"""The Python that programs run in, and what of the machine it can't do without."""

import os
import sys
import sysconfig
from pathlib import Path

INNER = Path(__file__).with_name("inner.py")
_FLAGS = ("-I", "-S", "-B", "-X", "utf8")
"""No environment, no installed packages, nothing written beside sources."""


def python() -> str:
    """The interpreter itself: no environment's link to it."""
    return os.path.realpath(sys.executable)


def command(handed: int) -> list[str]:
    """What runs `inner.py`. `handed`: the file that tells it what to do."""
    return [python(), *_FLAGS, str(INNER), str(handed)]


def programs() -> list[str]:
    """Folders of programs that a shell may begin; only those that there are."""
    return [one for one in ("/usr/bin", "/etc/alternatives") if Path(one).is_dir()]


def library() -> list[str]:
    """Folders of the standard library and of the shared libraries that it is linked with; only those that there are."""
    base = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix, "installed_base": sys.base_prefix}
    paths = sysconfig.get_paths(vars={**base, "installed_platbase": sys.base_exec_prefix})
    multiarch = sysconfig.get_config_var("MULTIARCH") or ""
    folders = [paths["stdlib"], paths["platstdlib"], sysconfig.get_config_var("LIBDIR") or ""]
    if multiarch and Path(f"/lib/{multiarch}").is_dir():
        folders += [f"/lib/{multiarch}", f"/usr/lib/{multiarch}"]
        folders = [one for one in folders if one != "/usr/lib"]
    else:
        folders += ["/lib", "/usr/lib"]
    folders.append("/lib64")
    there = dict.fromkeys(os.path.realpath(one) for one in folders if one and Path(one).is_dir())
    return [one for one in there if not any(one != other and one.startswith(f"{other}/") for other in there)]
