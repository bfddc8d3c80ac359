"""How agents are run here."""

from typing import Annotated

from msgspec import Meta, Struct


class AgentsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Agents: which there are, and the processes that run them."""

    documents: Annotated[
        list[str],
        Meta(
            description="Files of agents, tools, servers, collections, prompts and triggers; `*` stands for any part of a name. Default: none, and then no process runs agents."
        ),
    ] = []
    enabled: Annotated[
        bool | None,
        Meta(
            description="Whether agents are served here. Default: where `documents` lists any; on without them, for those that are applied by the admin API."
        ),
    ] = None
    workers: Annotated[
        int, Meta(ge=0, le=64, description="Processes that run agents, 0 to 64; 0: other replicas do. Default 1.")
    ] = 1
    concurrency: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            description="Runs at once in one of them, 1 to 1000; as many again that it took over from one that died. Default 32.",
        ),
    ] = 32
    tenant_concurrency: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="Runs at once of one tenant, in all of them together; as many again that were taken over from one that died. Default 16.",
        ),
    ] = 16
    most_queued: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Runs of one tenant that may wait in the queue. Default 10000.")
    ] = 10_000
    heartbeat_s: Annotated[
        float, Meta(ge=0.1, le=60, description="Between two signs of life of such a process. Default 0.5.")
    ] = 0.5
    dead_after_s: Annotated[
        float,
        Meta(ge=0.5, le=600, description="Without a sign of life for so long, its runs are taken over. Default 2."),
    ] = 2.0
    poll_s: Annotated[
        float, Meta(ge=0.01, le=10, description="Between two looks for runs that have to go on. Default 0.05.")
    ] = 0.05
    keep_days: Annotated[
        float, Meta(gt=0, le=3650, description="How long runs that ended are kept, in days. Default 30.")
    ] = 30.0
    public_url: Annotated[
        str,
        Meta(
            description="Where clients of MCP and A2A, and browsers that come back from a sign-in, reach the gateway, such as `https://models.example.com`. Default: as the request's header Host says; sign-ins of users need it."
        ),
    ] = ""
    open_cards: Annotated[
        bool,
        Meta(
            description="Cards of A2A are shown to callers without a key: those of listed agents that are of no tenant. Default off."
        ),
    ] = False
    card_key_file: Annotated[
        str,
        Meta(
            description="Ed25519 keys that sign cards of A2A; one is made where there is no file. Replicas of one gateway share it. Default: `cards.key` in `storage.dir`."
        ),
    ] = ""
    workspaces: Annotated[
        str, Meta(description="Folder of the runs' files. Default: `workspaces` in `storage.dir`.")
    ] = ""

    @property
    def on(self) -> bool:
        """Whether agents are served here."""
        return bool(self.documents) if self.enabled is None else self.enabled
