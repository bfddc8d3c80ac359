"""Collections of documents, as their documents describe them: `kind: Collection`."""

from typing import Annotated

from msgspec import Meta, Struct

from antiphon.core.data_class import DataClass


class CollectionSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Documents that can be searched."""

    description: Annotated[str, Meta(description="What is in it, for those who search. Default: none.")] = ""
    files: Annotated[
        list[str],
        Meta(min_length=1, description="Files: Markdown, text or HTML; `*` for any part of a name, `**` for folders."),
    ]
    data_class: Annotated[DataClass, Meta(description="What its texts are. Default internal.")] = "internal"
    department: Annotated[str, Meta(description="Whose it is, for policies. Default: none.")] = ""
    roles: Annotated[
        list[str], Meta(description="Roles of those who may read it. Default: everybody whom policies let.")
    ] = []
    untrusted: Annotated[bool, Meta(description="Strangers may have written in it. Default off.")] = False
    chunk_chars: Annotated[
        int, Meta(ge=200, le=20_000, description="Characters of a passage, at most. Default 1200.")
    ] = 1200
    file_bytes: Annotated[
        int, Meta(ge=1, le=268_435_456, description="Longest file that is read. Default 8388608.")
    ] = 8_388_608
