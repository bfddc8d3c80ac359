"""Every path of the console."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from math import ceil
from typing import Any

from msgspec import Struct, field

from antiphon.console import reply
from antiphon.console.ask import Ask, cookie_of, form_of, from_here, query_of
from antiphon.console.assets import PREFIX, Asset, serve
from antiphon.console.desk import Desk
from antiphon.console.render import Renderer
from antiphon.console.routes import HOME, LONGEST_PART, SIGN_IN, SIGN_OUT, Route, find
from antiphon.console.shown import Led
from antiphon.control.sight import Sight
from antiphon.control.signed_in import Session, SignedIn, meant
from antiphon.core.audit import NOBODY, Event
from antiphon.core.error import AntiphonError, NotAllowed, NotAuthenticated, Unavailable, WrongMethod
from antiphon.core.secret import Secret
from antiphon.net.exchange import Exchange

log = logging.getLogger("antiphon.console")
ROOT = b"/console"
_HOMES = frozenset((b"/console", b"/console/"))
LONGEST_KEY = 16_384
"""Characters of a credential: tokens of identity providers are some thousand long."""
CSRF = "csrf"
MOST_AT_ONCE = 3
Known = Callable[[bytes, Exchange], Coroutine[Any, Any, Sight]]
"""Whose credential it is. Raises: NotAuthenticated, NotAllowed, OverLimit."""


class ConsoleSite(Struct, frozen=True, kw_only=True):
    """What the pages are answered with."""

    desk: Desk
    render: Renderer
    assets: dict[bytes, Asset]
    signed_in: SignedIn
    known: Known
    session_s: int
    secure: bool
    """The listener speaks TLS."""
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_AT_ONCE))
    """Pages that are made at once: so few that the admin API goes on beside them."""
    wait_s: float = 10.0
    """The longest that a page waits for its turn."""

    def serves(self, path: bytes) -> bool:
        return path == ROOT or path.startswith(b"/console/")

    async def handle(self, exchange: Exchange) -> None:
        """Answer one exchange."""
        try:
            await self._answer(exchange)
        except AntiphonError as error:
            self._refuse(exchange, error)
        except Exception:  # the end of a request: told, and answered
            log.exception("console.crashed", extra={"path": exchange.path[:LONGEST_PART].decode("latin-1")})
            self._refuse(exchange, AntiphonError("this page could not be made; see the gateway's log"))

    async def _answer(self, exchange: Exchange) -> None:
        path = exchange.path
        if path.startswith(PREFIX):
            _only(exchange, b"GET", b"HEAD")
            serve(exchange, self.assets)
        elif path in _HOMES:
            _only(exchange, b"GET", b"HEAD")
            reply.led(exchange, HOME)
        elif path == SIGN_IN.encode():
            await self._sign_in(exchange)
        else:
            await self._page(exchange)

    async def _page(self, exchange: Exchange) -> None:
        found = await self._who(exchange)
        if found is None:
            self._sent_away(exchange)
            return
        session, sight = found
        if exchange.path == SIGN_OUT.encode():
            self._sign_out(exchange, session)
            return
        route, names = find(exchange.method, exchange.path)
        ask = Ask(
            sight=sight,
            session=session,
            names=names,
            query=query_of(exchange),
            form=_form(exchange, session) if exchange.method == b"POST" else {},
            fragment=b"hx-request" in exchange.headers,
        )
        made = await self._worked(route, ask)
        if isinstance(made, Led):
            reply.led(exchange, made.path)
        else:
            reply.page(exchange, *made)

    async def _worked(self, route: Route, ask: Ask) -> Led | tuple[int, str]:
        """What `_made` gives, beside the loop, when it is its turn. Raises: Unavailable, when that takes too long."""
        try:
            await asyncio.wait_for(self.turns.acquire(), self.wait_s)
        except TimeoutError:
            raise Unavailable("many pages are being made; look again soon", retry_after_s=5) from None
        working = asyncio.ensure_future(asyncio.to_thread(self._made, route, ask))
        working.add_done_callback(self._ended)
        return await asyncio.shield(working)  # a browser that leaves doesn't end the thread

    def _ended(self, working: asyncio.Future[Led | tuple[int, str]]) -> None:
        self.turns.release()
        if not working.cancelled():
            working.exception()  # seen here too, for browsers that have left

    def _made(self, route: Route, ask: Ask) -> Led | tuple[int, str]:
        """Blocks on the store. Returns: the page's status and text, or where the browser is led."""
        shown = route.act(self.desk, ask)
        if isinstance(shown, Led):
            return shown
        return shown.status, self.render(shown.template, **self._around(route, ask.session, ask.sight), **shown.values)

    def _around(self, route: Route | None, session: Session | None, sight: Sight | None) -> dict[str, Any]:
        """What every page knows."""
        return {
            "place": "" if route is None else route.place,
            "sight": sight,
            "csrf": "" if session is None else session.csrf,
        }

    # --- who it is

    @property
    def _cookie(self) -> str:
        return "__Host-antiphon-console" if self.secure else "antiphon-console"

    def _set_cookie(self, token: str, lasts_s: int) -> bytes:
        path, secure = ("/", "; Secure") if self.secure else ("/console", "")
        said = f"{self._cookie}={token}; Path={path}; Max-Age={lasts_s}; HttpOnly; SameSite=Strict{secure}"
        return f"set-cookie: {said}\r\n".encode()

    async def _who(self, exchange: Exchange) -> tuple[Session, Sight] | None:
        """Who is signed in, asked anew; None: nobody is."""
        token = cookie_of(exchange, self._cookie)
        session = self.signed_in.find(token) if token else None
        if session is None:
            return None
        try:
            return session, await self.known(session.credential.reveal().encode(), exchange)
        except (NotAuthenticated, NotAllowed):
            self.signed_in.end(session)
            return None

    def _sent_away(self, exchange: Exchange) -> None:
        """To where one signs in; a script's request as scripts are led."""
        gone = self._set_cookie("", 0)
        if b"hx-request" in exchange.headers:
            reply.page(exchange, 401, "", gone + f"hx-redirect: {SIGN_IN}\r\n".encode())
        else:
            reply.led(exchange, SIGN_IN, gone)

    async def _sign_in(self, exchange: Exchange) -> None:
        _only(exchange, b"GET", b"HEAD", b"POST")
        if exchange.method != b"POST":
            reply.page(exchange, 200, self._sign_in_page(""))
            return
        try:
            from_here(exchange)
            key = form_of(exchange).get("key", "").strip()
            if not key or len(key) > LONGEST_KEY or not key.isascii():
                raise NotAuthenticated("enter a key of this gateway")
            sight = await self.known(key.encode(), exchange)
            await asyncio.to_thread(self.desk.audit.note, self._entered(sight))
        except AntiphonError as error:
            reply.page(exchange, error.said_status, self._sign_in_page(error.message), _later(error))
            return
        before = self.signed_in.find(cookie_of(exchange, self._cookie))
        if before is not None:
            self.signed_in.end(before)
        token, _ = self.signed_in.begin(Secret(key), self.session_s)
        reply.led(exchange, HOME, self._set_cookie(token, self.session_s))

    def _entered(self, sight: Sight) -> Event:
        """Noted before the session begins."""
        at_ns = self.desk.clock.now_ns()
        return Event(tenant=sight.tenant or NOBODY, kind="login.console", by=sight.by, at_ns=at_ns)

    def _sign_in_page(self, wrong: str) -> str:
        return self.render("sign_in.html", wrong=wrong, **self._around(None, None, None))

    def _sign_out(self, exchange: Exchange, session: Session) -> None:
        _only(exchange, b"POST")
        _form(exchange, session)
        self.signed_in.end(session)
        reply.led(exchange, SIGN_IN, self._set_cookie("", 0))

    # --- what goes wrong

    def _refuse(self, exchange: Exchange, error: AntiphonError) -> None:
        more = _later(error)
        if isinstance(error, WrongMethod):
            more += f"allow: {error.allow}\r\n".encode()
        token = cookie_of(exchange, self._cookie)
        session = self.signed_in.find(token) if token else None
        text = self.render("error.html", error=error, **self._around(None, session, None))
        reply.page(exchange, error.said_status, text, more)


def _form(exchange: Exchange, session: Session) -> dict[str, str]:
    """The fields of a form that a page of this session sent. Raises: NotAllowed, BadRequest."""
    from_here(exchange)
    form = dict(form_of(exchange))
    if not meant(session, form.pop(CSRF, "")):
        raise NotAllowed("this form is not of your session; open the page again and send it from there")
    return form


def _later(error: AntiphonError) -> bytes:
    return b"" if error.retry_after_s is None else f"retry-after: {max(1, ceil(error.retry_after_s))}\r\n".encode()


def _only(exchange: Exchange, *methods: bytes) -> None:
    """Raises: WrongMethod."""
    if exchange.method not in methods:
        allow = b", ".join(methods).decode()
        raise WrongMethod(f"this page takes {allow} only", allow=allow)
