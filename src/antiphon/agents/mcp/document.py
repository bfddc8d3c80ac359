"""Servers of tools as documents: `kind: ToolServer`."""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from antiphon.agents.documents.document import Document
from antiphon.agents.documents.kinds import Kind
from antiphon.agents.documents.library import Library, Wrong
from antiphon.core.data_class import DataClass
from antiphon.core.tool import Confirm, Effect


class ProgramSandbox(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What of the machine a program reaches. All else is not there for it."""

    tier: Annotated[
        Literal["bubblewrap", "none"],
        Meta(
            description="`bubblewrap`: namespaces of its own; where they can't be made, the program isn't begun. `none`: it reaches whatever the gateway's user does, within its limits. Default bubblewrap."
        ),
    ] = "bubblewrap"
    network: Annotated[
        Literal["none", "open"],
        Meta(
            description="`open`: all of the machine's, this machine's own ports too; rules of `egress` don't hold for a program. Default none."
        ),
    ] = "none"
    read: Annotated[
        list[str],
        Meta(
            description="Files and folders that it may read, absolute, beside `/usr`, certificates, the program with its libraries, and files that the command names by absolute paths. Default: none."
        ),
    ] = []
    write: Annotated[
        list[str],
        Meta(
            description="Files and folders that it may read and write, absolute, beside a folder of its own. Default: none."
        ),
    ] = []


class ProgramSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A program that speaks the protocol by its standard input and output."""

    command: Annotated[list[str], Meta(min_length=1, description="The program and its arguments; no shell reads it.")]
    env: Annotated[
        dict[str, str],
        Meta(description="Its environment beside PATH, HOME and LANG; nothing of ours is passed on. Default: none."),
    ] = {}
    sandbox: Annotated[ProgramSandbox, Meta(description="What of the machine it reaches.")] = ProgramSandbox()
    memory_bytes: Annotated[
        int, Meta(ge=16_777_216, description="Most memory that it may map. Default 4294967296.")
    ] = 4_294_967_296
    cpu_s: Annotated[int, Meta(ge=1, description="Most seconds of processor that it may use. Default 3600.")] = 3600
    files: Annotated[int, Meta(ge=16, le=65_536, description="Most files that it may have open. Default 256.")] = 256
    file_bytes: Annotated[int, Meta(ge=0, description="Longest file that it may write. Default 104857600.")] = (
        104_857_600
    )


class OAuthSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How tokens for the server are got. Where it says nothing of its authorization server, its metadata do (RFC 9728)."""

    whose: Annotated[
        Literal["user", "gateway"],
        Meta(
            description="In whose name: each user's own, who signs in once; or the gateway's, by client credentials. Default user."
        ),
    ] = field(default="user", name="as")
    client_id: Annotated[str, Meta(min_length=1, description="Our name there.")]
    client_secret: Annotated[str, Meta(description="Our secret there. Default: none, a public client.")] = ""
    scopes: Annotated[
        list[str], Meta(description="What is asked for. Default: what the server says that it needs.")
    ] = []
    issuer: Annotated[
        str, Meta(description="The authorization server. Default: the first that the server's metadata name.")
    ] = ""


class ToolHints(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the operator says of one of its tools, in place of what is worked out from its name and schema."""

    effect: Annotated[Effect | None, Meta(description="What calling twice does. Default: worked out.")] = None
    destructive: Annotated[bool | None, Meta(description="A person approves each call. Default: worked out.")] = None
    sends: Annotated[
        bool | None,
        Meta(description="What it is given can be read outside. Default: of a server that isn't trusted, yes."),
    ] = None
    private: Annotated[bool | None, Meta(description="It reads what strangers must not see. Default: worked out.")] = (
        None
    )
    untrusted: Annotated[
        bool | None,
        Meta(description="What it returns may be strangers'. Default: of a server that isn't trusted, yes."),
    ] = None
    risky: Annotated[
        list[str] | None, Meta(description="Arguments that decide whom or what it touches. Default: worked out.")
    ] = None
    confirm: Annotated[Confirm | None, Meta(description="Who decides about approval. Default policy.")] = None
    data_class: Annotated[DataClass | None, Meta(description="What its results are at least. Default: as the run.")] = (
        None
    )
    takes: Annotated[
        DataClass | None, Meta(description="The highest class of data that it is given. Default: the server's.")
    ] = None
    timeout_s: Annotated[
        Annotated[float, Meta(gt=0)] | None, Meta(description="Seconds for one call. Default: the server's.")
    ] = None
    cost_nano_usd: Annotated[Annotated[int, Meta(ge=0)] | None, Meta(description="Of one call. Default 0.")] = None
    cache_s: Annotated[
        Annotated[float, Meta(ge=0)] | None, Meta(description="Seconds that a pure one's result holds. Default 0.")
    ] = None
    name: Annotated[str, Meta(description="What it is called here behind `SERVER__`. Default: its own name.")] = ""


class ToolServerSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A server of the Model Context Protocol."""

    url: Annotated[str, Meta(description="Where it listens by streamable HTTP. Either this or `program`.")] = ""
    program: Annotated[ProgramSpec | None, Meta(description="The program that it is. Either this or `url`.")] = None
    headers: Annotated[dict[str, str], Meta(description="Sent with each request. Default: none.")] = {}
    oauth: Annotated[OAuthSpec | None, Meta(description="How tokens for it are got. Default: it needs none.")] = None
    networks: Annotated[
        list[str], Meta(description="The only networks that it may be reached in. Default: as egress rules allow.")
    ] = []
    ca_file: Annotated[str, Meta(description="Certificates that its own is checked by. Default: the system's.")] = ""
    era: Annotated[
        Literal["auto", "modern", "legacy"],
        Meta(description="The protocol of 2026-07-28, that of before, or whichever it speaks. Default auto."),
    ] = "auto"
    tools: Annotated[
        list[str], Meta(description="Its tools that are used; `*` at the end for all that begin so. Default: all.")
    ] = field(default_factory=lambda: ["*"])
    trusted: Annotated[
        bool,
        Meta(
            description="What it says of its own tools (read only, destructive, open world) is believed. Default off."
        ),
    ] = False
    pin: Annotated[
        Literal["first", "approved"],
        Meta(
            description="Tools count as they were first seen, or not before a person has approved them. A tool that changes is quarantined until then, either way. Default first."
        ),
    ] = "first"
    takes: Annotated[
        DataClass | None,
        Meta(description="The highest class of data that its tools are given; above it none is called. Default: any."),
    ] = None
    hints: Annotated[dict[str, ToolHints], Meta(description="By the tool's own name. Default: none.")] = {}
    timeout_s: Annotated[float, Meta(gt=0, le=86_400, description="Seconds for one call. Default 30.")] = 30.0
    refresh_s: Annotated[float, Meta(ge=1, description="Seconds between two looks at its tools. Default 300.")] = 300.0
    most_result_bytes: Annotated[int, Meta(ge=200, description="Longest answer of it. Default 4194304.")] = 4_194_304
    gateway: Annotated[bool, Meta(description="Callers of the MCP gateway may use it. Default on.")] = True


def check_server(document: Document, _library: Library) -> Iterator[Wrong]:
    """What is wrong with a server beyond its form."""
    spec = document.spec
    assert isinstance(spec, ToolServerSpec)
    if bool(spec.url) == (spec.program is not None):
        yield ("spec",), "a server has either `url` or `program`", "say one of them"
    if spec.url and not spec.url.startswith(("https://", "http://")):
        yield ("spec", "url"), "it is no address", "begin it with https:// or http://"
    if spec.program is not None and (spec.oauth is not None or spec.headers):
        yield ("spec", "program"), "a program has no headers and no OAuth", "give it what it needs in `program.env`"
    if spec.program is not None:
        yield from _check_sandbox(spec.program.sandbox)
    if spec.oauth is not None and spec.oauth.whose == "gateway" and not spec.oauth.client_secret:
        yield ("spec", "oauth"), "client credentials need a secret", "add `client_secret`, or say `as: user`"
    if document.name in ("agent", "model"):
        yield ("metadata", "name"), "stands for agents and models in the MCP gateway", "give it another name"
    if "__" in document.name:
        yield ("metadata", "name"), "`__` parts a server from its tools", "leave it out"


def _check_sandbox(sandbox: ProgramSandbox) -> Iterator[Wrong]:
    at = ("spec", "program", "sandbox")
    if sandbox.tier == "none" and sandbox != ProgramSandbox(tier="none"):
        yield (*at, "tier"), "nothing keeps the program to `network`, `read` and `write`", "leave those out, or this"
    for name, paths in (("read", sandbox.read), ("write", sandbox.write)):
        for path in paths:
            if not path.startswith("/") or ".." in path.split("/"):
                yield (*at, name), f"{path[:128]!r} is no absolute path", "begin it with / and leave .. out"
            elif not path.strip("/"):
                yield (*at, name), "all of the machine would be in the sandbox", "name what is needed of it"


KIND = Kind(name="ToolServer", spec=ToolServerSpec, check=check_server, plural="tool-servers")
