"""How tables are led from one version to the next, and back."""

from msgspec import Struct


class Step(Struct, frozen=True):
    """Leads from version n to n + 1, and back. What stands in the tables of version n is kept both ways."""

    forward: str
    back: str


def way(found: int, wanted: int | None, steps: tuple[Step, ...]) -> list[tuple[int, str]]:
    """The statements that lead from one version to another, each with the version that it ends at.

    Args:
        wanted: None: the newest.
    Raises: ValueError, when either version is not known.
    """
    newest = len(steps)
    if not 0 <= found <= newest:
        raise ValueError(f"the database has version {found}, this Antiphon knows {newest}; upgrade it")
    target = newest if wanted is None else wanted
    if not 0 <= target <= newest:
        raise ValueError(f"there is no version {target} of the tables; this Antiphon knows 0 to {newest}")
    if target >= found:
        return [(number + 1, steps[number].forward) for number in range(found, target)]
    return [(number, steps[number].back) for number in reversed(range(target, found))]
