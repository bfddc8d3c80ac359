"""A browser for agents, as documents describe it."""

from typing import Annotated

from msgspec import Meta, Struct, field

RISKY = (
    "buy", "pay", "order", "purchase", "checkout", "subscribe", "delete", "remove", "send", "submit", "publish",
    "post", "confirm", "accept", "agree", "transfer", "sign", "log out", "cancel",
)  # fmt: skip


class BrowserSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Chromium, one profile a run. It gives the tools `NAME__open`, `__read`, `__follow`, `__click`, `__type`, `__screenshot`."""

    hosts: Annotated[
        list[str],
        Meta(
            min_length=1,
            description="Hosts that may be visited, pictures and scripts included: `example.com`, `*.example.com` for all below it, or `host:8443` for one port.",
        ),
    ]
    program: Annotated[
        str, Meta(description="The browser. Default: the first of chromium, chromium-browser, google-chrome.")
    ] = ""
    width: Annotated[int, Meta(ge=320, le=3840, description="Of the page, in pixels. Default 1280.")] = 1280
    height: Annotated[int, Meta(ge=240, le=2160, description="Of the page, in pixels. Default 800.")] = 800
    sessions: Annotated[int, Meta(ge=1, le=64, description="Browsers open at once in one process. Default 4.")] = 4
    idle_s: Annotated[float, Meta(ge=1, description="Seconds after which an idle one is closed. Default 300.")] = 300.0
    text_bytes: Annotated[
        int, Meta(ge=500, le=1_000_000, description="Most text that is read of a page. Default 20000.")
    ] = 20_000
    risky_words: Annotated[
        list[str],
        Meta(
            description="Words of buttons and links that only `click` presses, which a person approves. Default: those of buying, paying, sending, deleting and the like."
        ),
    ] = field(default_factory=lambda: list(RISKY))
