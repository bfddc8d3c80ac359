"""Whether the packages that Antiphon needs are here, in versions that it knows."""

import re
from importlib.metadata import PackageNotFoundError, requires, version

from antiphon.cli.checks.finding import Finding, ok, wrong

REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)([^;]*)")
BOUND = re.compile(r"(>=|<=|==|!=|<|>)\s*([0-9][0-9.]*)")
RELEASE = re.compile(r"[0-9]+(?:\.[0-9]+)*")


def packages() -> list[Finding]:
    """One finding for all that fit, and one for each that does not."""
    needed = [one for one in requires("antiphon") or [] if "extra ==" not in one]
    found = [finding for one in needed if (finding := _package(one)) is not None]
    return found or [ok("packages", f"all {len(needed)} that are needed, in versions that fit")]


def _package(requirement: str) -> Finding | None:
    """What is wrong with one; None when it fits."""
    match = REQUIREMENT.match(requirement)
    if match is None:
        return None
    name, bounds = match[1], match[2].strip()
    remedy = f"install it: pip install '{name}{bounds}'"
    try:
        have = version(name)
    except PackageNotFoundError:
        return wrong("packages", f"{name} is not installed", remedy)
    if fits(have, bounds):
        return None
    return wrong("packages", f"{name} is {have}, needed is {bounds}", remedy)


def fits(have: str, bounds: str) -> bool:
    """Whether a version is within bounds such as `>=0.9,<0.10`; only the release's numbers count."""
    release = _release(have)
    return all(_holds(release, sign, _release(bound)) for sign, bound in BOUND.findall(bounds))


def _holds(have: tuple[int, ...], sign: str, bound: tuple[int, ...]) -> bool:
    length = max(len(have), len(bound))
    left, right = (one + (0,) * (length - len(one)) for one in (have, bound))
    match sign:
        case ">=":
            return left >= right
        case "<=":
            return left <= right
        case "==":
            return left == right
        case "!=":
            return left != right
        case "<":
            return left < right
        case _:
            return left > right


def _release(text: str) -> tuple[int, ...]:
    match = RELEASE.match(text)
    return tuple(int(part) for part in match[0].split(".")) if match else ()
