"""Settings of guards that look for secrets."""

from typing import Annotated

from msgspec import Meta, Struct


class SecretsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Keys, tokens and passwords, found by their format, or by the name that they are given."""

    without: Annotated[
        list[str],
        Meta(description="Rules that are left out, such as `jwt`, `password` or `key`. Default: none."),
    ] = []
    allow: Annotated[
        list[str], Meta(description="Secrets that are no finding, exactly as written. Default: none.")
    ] = []
    stop_words: Annotated[
        list[str],
        Meta(
            description="Values that have one of these in them, whatever their case, are none; beside the built-in ones. Default: none."
        ),
    ] = []
    entropy: Annotated[
        float,
        Meta(
            ge=0,
            le=3,
            description="Bits a character that a value needs beyond what its rule asks for (2 to 3), where only its name says that it is a secret. Default 0.",
        ),
    ] = 0.0

    def check(self) -> list[tuple[str, str, str]]:
        """What is wrong with it: (path, what, remedy)."""
        from antiphon.guards.secrets_rules import known, rules

        names = known(rules())
        return [
            (f"without[{at}]", f"there is no rule {name!r}", f"one of {', '.join(sorted(names))}")
            for at, name in enumerate(self.without)
            if name not in names
        ]
