"""One browser with one profile, which ends with its run."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from antiphon.agents.hands import ToolFailed
from antiphon.agents.tools.settings_browser import BrowserSpec
from antiphon.net.egress import Egress, allowed
from antiphon.net.gate_proxy import GateProxy

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page, Playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--proxy-bypass-list=<-loopback>",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
)
"""All it sends goes by the proxy, this machine's own addresses included: it looks up no name by itself."""
MOST_REFUSED = 20


class Session:
    """Chromium behind a proxy of its own."""

    def __init__(self, spec: BrowserSpec, egress: Callable[[], Egress]) -> None:
        self._spec = spec
        hosts = tuple(allowed(one) for one in spec.hosts)
        self._proxy = GateProxy(egress, lambda host, port: any(one.holds(host, port) for one in hosts), self._told)
        self._playwright: Playwright | None = None
        self._context: BrowserContext | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.page: Page | None = None
        self.used_s = 0.0
        self.refused: list[str] = []
        """Hosts that the page wanted, and didn't get."""

    def _told(self, why: str) -> None:
        if len(self.refused) < MOST_REFUSED and why not in self.refused:
            self.refused.append(why)

    async def start(self) -> "Page":
        """Raises: ToolFailed."""
        try:
            from playwright.async_api import Error, async_playwright  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise ToolFailed("unavailable", "there is no browser here: install antiphon[browser]") from error
        program = self._spec.program or next((one for name in PROGRAMS if (one := shutil.which(name))), None)
        if program is None:
            raise ToolFailed("unavailable", "there is no browser here: install chromium")
        port = await self._proxy.start()
        self._folder = tempfile.TemporaryDirectory(prefix="antiphon-browser-")
        self._playwright = await async_playwright().start()
        try:
            self._context = await self._playwright.chromium.launch_persistent_context(
                str(Path(self._folder.name, "profile")),
                executable_path=self._wrapped(program),
                args=list(FLAGS),
                chromium_sandbox=os.geteuid() != 0 and shutil.which("bwrap") is None,
                proxy={
                    "server": f"http://127.0.0.1:{port}",
                    "username": self._proxy.user,
                    "password": self._proxy.password,
                },
                viewport={"width": self._spec.width, "height": self._spec.height},
                accept_downloads=False,
                service_workers="block",
                env={"PATH": os.defpath, "HOME": self._folder.name, "LANG": "C.UTF-8"},
            )
        except Error as error:
            raise ToolFailed("unavailable", f"the browser doesn't start: {str(error)[:500]}") from error
        self._context.on("page", self._only)
        self.page = self._context.pages[0] if self._context.pages else await self._context.new_page()
        return self.page

    def _only(self, page: Any) -> None:
        """What opens in another window is the page from then on."""
        self.page = page

    def _wrapped(self, program: str) -> str:
        """The program in namespaces of its own, where there is bwrap: it sees no files but the system's and its profile."""
        bwrap = shutil.which("bwrap")
        if bwrap is None or self._folder is None:
            return program
        home = self._folder.name
        told = [
            "--unshare-user",
            "--unshare-pid",
            "--unshare-ipc",
            "--unshare-uts",
            "--die-with-parent",
            "--new-session",
        ]
        told += ["--cap-drop", "ALL", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108 - its own
        for path in (
            "/usr",
            "/bin",
            "/lib",
            "/lib64",
            "/etc/fonts",
            "/etc/ssl",
            "/etc/chromium",
            "/etc/chromium.d",
            "/etc/alternatives",
        ):
            told += ["--ro-bind-try", path, path]
        told += ["--bind", home, home, "--chdir", home]
        script = Path(home, "browser.sh")
        script.write_text(f'#!/bin/sh\nexec {bwrap} {" ".join(told)} -- {program} "$@"\n')
        script.chmod(0o700)
        return str(script)

    async def close(self) -> None:
        if self._context is not None:
            await self._context.close()
        if self._playwright is not None:
            await self._playwright.stop()
        await self._proxy.close()
        if self._folder is not None:
            self._folder.cleanup()
