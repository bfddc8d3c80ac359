"""Who has which role beside what their credential says."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from msgspec.structs import replace

from antiphon.control.roles import EVERYWHERE, Grant, Scope, granted
from antiphon.control.settings_identity import BindingForm
from antiphon.core.principal import Principal

ALL = "*"
"""In the place of a tenant: all of them."""


class Bindings:
    """Looks them up by subject. Never changed, only replaced."""

    def __init__(self, forms: Iterable[BindingForm] = ()) -> None:
        found: dict[str, tuple[BindingForm, ...]] = {}
        for form in forms:
            found[form.subject] = (*found.get(form.subject, ()), form)
        self._found: Mapping[str, tuple[BindingForm, ...]] = MappingProxyType(found)

    def __bool__(self) -> bool:
        return bool(self._found)

    def bound(self, principal: Principal, subjects: Iterable[str]) -> tuple[Principal, tuple[Grant, ...]]:
        """A principal with the roles that it is given where it belongs, and the grants that reach further.

        An owner of all tenants is an admin.
        """
        forms = [form for subject in subjects for form in self._found.get(subject, ())]
        if not forms:
            return principal, ()
        grants = tuple(dict.fromkeys(grant_of(form, principal) for form in forms))
        own = (
            grant.role
            for grant in grants
            if grant.scope.holds(granted(grant.role, principal.tenant, principal.team).scope)
        )
        return (
            replace(
                principal,
                roles=tuple(dict.fromkeys((*principal.roles, *own))),
                admin=principal.admin or Grant("owner", EVERYWHERE) in grants,
            ),
            grants,
        )


def grant_of(form: BindingForm, principal: Principal | None = None) -> Grant:
    """What a binding gives. A role of a team that names none holds in the team of whom it is given to."""
    if form.tenant == ALL:
        return Grant(form.role, EVERYWHERE)
    if form.team:
        return Grant(form.role, Scope(form.tenant, form.team))
    own = principal.team if principal is not None and principal.tenant == form.tenant else ""
    return granted(form.role, form.tenant, own)
