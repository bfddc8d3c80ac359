"""Whom client certificates stand for. TLS verified them; here their names are looked up in rules."""

from collections.abc import Iterable

from antiphon.control.bindings import Bindings
from antiphon.control.keys import Known
from antiphon.control.settings_identity import CertificateSettings
from antiphon.core.peer import NameKind, Peer
from antiphon.core.principal import Principal

MOST = 10_000
"""Sets of names whose rule is known at once."""
OF_CERTIFICATES = "certificate/"
Names = tuple[tuple[NameKind, str], ...]


class Certificates:
    """Under one revision's rules."""

    def __init__(self, rules: Iterable[CertificateSettings], bindings: Bindings) -> None:
        self._rules = tuple((one, *_wanted(one)) for one in rules)
        self._bindings = bindings
        self._known: dict[Names, Known | None] = {}

    def find(self, peer: Peer) -> Known | None:
        """Who is at the other end, by the first rule that fits; None: no certificate was shown, or no rule fits it."""
        if not peer.names or not self._rules:
            return None
        if peer.names in self._known:
            return self._known[peer.names]
        if len(self._known) >= MOST:
            self._known.clear()
        found = self._known[peer.names] = self._find(peer.names)
        return found

    def named(self, name: str) -> Principal | None:
        """Whom `RULE/NAME` stands for; None: there is no such rule, or it fits that name no more."""
        of, _, whose = name.partition("/")
        for rule, wanted, pattern in self._rules:
            if rule.name == of and _fits(wanted, pattern, whose):
                return self._whose(rule, whose).principal
        return None

    def _find(self, names: Names) -> Known | None:
        common_alone = all(kind == "cn" for kind, _ in names)
        for rule, wanted, pattern in self._rules:
            if wanted == "cn" and not common_alone:
                continue
            for kind, name in names:
                if kind == wanted and _fits(kind, pattern, name):
                    return self._whose(rule, name)
        return None

    def _whose(self, rule: CertificateSettings, name: str) -> Known:
        me = f"{OF_CERTIFICATES}{rule.name}/{name}"
        who = Principal(
            tenant=rule.tenant,
            key=me,
            user=rule.user,
            team=rule.team,
            department=rule.department,
            models=tuple(rule.models),
            roles=tuple(rule.roles),
            employment=rule.employment,
            data_class=rule.data_class,
            clearance=rule.clearance,
        )
        bound, grants = self._bindings.bound(who, (me,))
        return Known(digest=b"", principal=bound, grants=grants)


def _wanted(rule: CertificateSettings) -> tuple[NameKind, str]:
    if rule.uri is not None:
        return "uri", rule.uri
    if rule.dns is not None:
        return "dns", rule.dns
    return ("email", rule.email) if rule.email is not None else ("cn", rule.cn or "")


def _fits(kind: NameKind, pattern: str, name: str) -> bool:
    """Letters of a URI and of a common name count as they are written; those of hosts and addresses in any case."""
    if kind == "uri":
        return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
    if kind == "cn":
        return name == pattern
    name, pattern = name.lower(), pattern.lower()
    if kind == "dns" and pattern.startswith("*."):
        first, dot, rest = name.partition(".")
        return bool(first and dot) and first != "*" and rest == pattern[2:]
    return name == pattern
