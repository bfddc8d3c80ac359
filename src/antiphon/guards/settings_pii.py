"""Settings of guards that look for personal data."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct


class PiiSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Personal data that has a structure, found by shape, check digits and words near it."""

    types: Annotated[
        list[str],
        Meta(
            description="Kinds to look for, such as `email` and `us_ssn`. Default: all but links, postcodes and number plates."
        ),
    ] = []
    countries: Annotated[
        list[Annotated[str, Meta(pattern="^[A-Za-z]{2}$")]],
        Meta(description="Countries whose national numbers are looked for, such as `de`. Default: all."),
    ] = []
    context: Annotated[
        Literal["needed", "any"],
        Meta(
            description="`needed`: what has a weak shape counts only within 72 characters after a word that speaks of it; `any`: it counts anywhere, with a score of 0.3. Default needed."
        ),
    ] = "needed"
    words: Annotated[
        dict[str, list[str]],
        Meta(description="More words that speak of a kind, such as `bank_account: [giro]`. Default: none."),
    ] = {}
    allow: Annotated[
        list[str],
        Meta(description="Texts that are no finding, whatever their case, such as `info@example.com`. Default: none."),
    ] = []
    allow_domains: Annotated[
        list[str],
        Meta(description="Domains whose addresses and links are no finding, subdomains included. Default: none."),
    ] = []

    def check(self) -> list[tuple[str, str, str]]:
        """What is wrong with it: (path, what, remedy)."""
        from antiphon.guards.pii_kinds import KINDS, NAMES

        known, countries = frozenset(NAMES), {kind.country for kind in KINDS if kind.country}
        wrong = [
            (f"types[{at}]", f"there is no kind {name!r}", f"one of {', '.join(sorted(known))}")
            for at, name in enumerate(self.types)
            if name not in known
        ]
        wrong += [
            (f"words.{name}", f"there is no kind {name!r}", f"one of {', '.join(sorted(known))}")
            for name in self.words
            if name not in known
        ]
        wrong += [
            (f"countries[{at}]", f"no kind is of {name!r}", f"one of {', '.join(sorted(countries))}")
            for at, name in enumerate(self.countries)
            if name.lower() not in countries
        ]
        return wrong


class PresidioSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Names, places and other things that take a model of a language, found by Presidio. It needs the extra `presidio`."""

    model: Annotated[
        str,
        Meta(min_length=1, description="spaCy model that is installed, such as `en_core_web_sm`. Default that."),
    ] = "en_core_web_sm"
    language: Annotated[
        str, Meta(pattern="^[a-z]{2}$", description="Language of the texts, such as `en`. Default en.")
    ] = "en"
    entities: Annotated[
        list[str],
        Meta(description="Presidio's names of what is looked for. Default: PERSON, LOCATION and NRP."),
    ] = []
    score: Annotated[
        float, Meta(ge=0, le=1, description="Findings that Presidio scores below are none, 0 to 1. Default 0.5.")
    ] = 0.5
    allow: Annotated[list[str], Meta(description="Texts that are no finding, whatever their case. Default: none.")] = []

    def check(self) -> list[tuple[str, str, str]]:
        """What is wrong with it: (path, what, remedy)."""
        if find_spec("presidio_analyzer") is None:
            return [("", "Presidio is not installed", "pip install 'antiphon[presidio]'")]
        if find_spec(self.model) is None and not Path(self.model).is_dir():
            return [("model", f"the model {self.model!r} is not installed", f"python -m spacy download {self.model}")]
        return []
