"""Mistakes among the credentials of a provider."""

from collections.abc import Iterator

from antiphon.config.check_headers import check_credential
from antiphon.config.written import Written
from antiphon.core.error import Problem
from antiphon.core.secret import Secret
from antiphon.providers.credentials import check_keys
from antiphon.providers.settings import ProviderSettings
from antiphon.wire.yaml_node import Path


def check_credentials(provider: ProviderSettings, path: Path, written: Written) -> Iterator[Problem]:
    """Texts that no header carries, credentials or names that are there twice, `key` beside `keys`."""
    if provider.key is not None:
        yield from check_credential(provider.key.reveal(), (*path, "key"), written)
    many = (*path, "keys")
    if provider.keys and (provider.key is not None or written.said((*path, "key"))):
        yield written.problem(many, "there is a `key` beside it", "put that one into this list too, or leave one out")
    yield from _texts(provider, many, written)
    if written.sound(many):
        for below, wrong, remedy in check_keys(provider.keys):
            at, _, name = below.partition(".")
            yield written.problem((*many, int(at), name), wrong, remedy)


def _texts(provider: ProviderSettings, path: Path, written: Written) -> Iterator[Problem]:
    """Keys are told apart by their places: a name may give a part of its key away."""
    places: dict[Secret, int] = {}
    for at, one in zip(written.kept(path), provider.keys, strict=True):
        here = (*path, at, "key")
        if not one.key:
            yield written.problem(here, "is empty", "write the key, or leave this one out")
        elif one.key in places:
            yield written.problem(here, f"is the same as that of keys[{places[one.key]}]", "give each its own key")
        yield from check_credential(one.key.reveal(), here, written)
        places.setdefault(one.key, at)
