"""Tools over databases, collections, files and tickets, as documents describe them."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field


class SqlSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A database that is asked. Without a `statement` the model writes SQL, and `NAME__tables` tells it the tables."""

    url: Annotated[
        str,
        Meta(
            description="`sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/DATABASE`; `${env:NAME}` may stand in it. Give it a user with the least rights; SQL that a model wrote is never run as a superuser."
        ),
    ]
    statement: Annotated[
        str,
        Meta(
            description="One statement with `:NAME` for arguments; `:_user`, `:_team` and `:_tenant` are the caller's own. Default: the model writes it."
        ),
    ] = ""
    write: Annotated[
        bool, Meta(description="It may change data. Off: the database itself refuses to. Default off.")
    ] = False
    rows: Annotated[int, Meta(ge=1, le=100_000, description="Most rows of a result. Default 200.")] = 200
    result_bytes: Annotated[
        int, Meta(ge=1024, le=16_777_216, description="Most bytes of a result. Default 262144.")
    ] = 262_144
    ca_file: Annotated[str | None, Meta(description="PEM file of authorities. Default: the system's.")] = None
    insecure: Annotated[
        bool, Meta(description="A Postgres elsewhere needs no TLS, or need not prove its name. Default off.")
    ] = False


class DocumentsSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Search in collections: passages with where they stand. `NAME__read` reads on around one."""

    collections: Annotated[list[str], Meta(min_length=1, description="Names of Collection documents.")]
    passages: Annotated[int, Meta(ge=1, le=50, description="Most passages of one search. Default 6.")] = 6


class FilesSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Files of the run's own folder: `NAME__list`, `NAME__read`, and `NAME__write` where it may write. What came with a message
    of A2A is in `given/`, what an agent elsewhere made in `a2a/NAME/`: strangers wrote both.
    """

    folder: Annotated[str, Meta(description="Another folder, which is only read. Default: the run's own.")] = ""
    write: Annotated[bool, Meta(description="It may write into the run's folder. Default on.")] = True
    file_bytes: Annotated[int, Meta(ge=1, le=268_435_456, description="Longest file. Default 4194304.")] = 4_194_304
    folder_bytes: Annotated[
        int, Meta(ge=1, le=17_179_869_184, description="Most bytes of all files of a run. Default 67108864.")
    ] = 67_108_864
    files: Annotated[int, Meta(ge=1, le=100_000, description="Most files of a run. Default 1000.")] = 1000


class WriterSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Writes a document into the run's folder."""

    format: Annotated[
        Literal["markdown", "docx", "csv"], Meta(description="What it writes; `docx` takes Markdown (extra `docx`).")
    ]
    folder: Annotated[str, Meta(description="Folder within the run's, such as `out`. Default: the run's.")] = ""
    file_bytes: Annotated[int, Meta(ge=1, le=268_435_456, description="Longest file. Default 4194304.")] = 4_194_304


class TicketSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Opens tickets: kept here, and posted to a webhook where one is named. A call that is made again opens no second."""

    queue: Annotated[
        str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,62}$", description="Where they are kept. Default tickets.")
    ] = "tickets"
    fields: Annotated[
        dict[str, str], Meta(description="More that a ticket says, name and description each. Default: none.")
    ] = {}
    severities: Annotated[
        list[str], Meta(min_length=1, description="From the least to the most urgent. Default: low, normal, high.")
    ] = field(default_factory=lambda: ["low", "normal", "high"])
    webhook: Annotated[str, Meta(description="URL that each is posted to as JSON. Default: none.")] = ""
    secret: Annotated[
        str, Meta(description="Signs what is posted, as `${env:NAME}`, in `x-antiphon-signature`. Default: unsigned.")
    ] = ""
    networks: Annotated[
        list[str], Meta(description="The only networks that the webhook may be reached in. Default: as `egress` says.")
    ] = []

    def check(self) -> list[tuple[str, str, str]]:
        """Mistakes that only show across fields."""
        if self.secret and "${" not in self.secret:
            return [("secret", "it is written out", "write ${env:NAME}: documents are read by people")]
        return []
