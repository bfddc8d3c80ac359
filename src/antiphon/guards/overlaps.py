"""Matches of one detector, none overlapping another."""

from collections.abc import Iterable

from antiphon.guards.port import Match


def apart(found: Iterable[Match]) -> list[Match]:
    """In order of start; of those that overlap the first stays, and of those that begin together the longest."""
    kept: list[Match] = []
    for match in sorted(found, key=lambda one: (one.start, -one.end)):
        if not kept or match.start >= kept[-1].end:
            kept.append(match)
    return kept
