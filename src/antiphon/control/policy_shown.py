"""Bundles of policies as people see them."""

from typing import Any

from msgspec import Struct

from antiphon.control.instants import said
from antiphon.control.policy_bundle import Bundle, Draft, Live
from antiphon.core.objects import Object


class BundleShown(Struct, frozen=True, kw_only=True):
    """A bundle for people."""

    name: str
    tenant: str
    version: int
    """Of the object, for `If-Match`."""
    at: str
    by: str
    published: int
    draft: dict[str, Any] | None
    live: dict[str, Any] | None


class BundlePage(Struct, frozen=True, kw_only=True):
    """Bundles in order of names, without their texts."""

    data: list[BundleShown]
    next: str | None


def shown(one: Object, bundle: Bundle, *, text: bool = True) -> BundleShown:
    """A bundle, with the texts of its policies or without."""
    return BundleShown(
        name=one.name,
        tenant=bundle.tenant,
        version=one.version,
        at=said(one.at_ns),
        by=one.by,
        published=bundle.published,
        draft=None if bundle.draft is None else told(bundle.draft, text=text),
        live=None if bundle.live is None else told(bundle.live, text=text),
    )


def told(one: Draft | Live, *, text: bool = True) -> dict[str, Any]:
    """A draft or version."""
    fields = {
        name: getattr(one, name) for name in one.__struct_fields__ if name != "at_ns" and (text or name != "text")
    }
    return {**fields, "at": said(one.at_ns)}
