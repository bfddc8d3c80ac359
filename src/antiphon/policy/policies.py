"""The policies in force, asked about requests."""

from collections.abc import Mapping

from antiphon.core.deployment import Deployment
from antiphon.core.principal import Principal
from antiphon.core.verdict import Verdict
from antiphon.policy.asked import Context, OtherAction, Resource


class Policies:
    """Never changed, only replaced; for one thread."""

    version: str

    def verdict(self, principal: Principal, context: Context, deployments: Mapping[str, Deployment]) -> Verdict:
        """Whether a principal may call a model, and which of the deployments are left out."""
        raise NotImplementedError

    def may(self, principal: Principal, action: OtherAction, resource: Resource, context: Context) -> Verdict:
        """Whether a principal may do something else."""
        raise NotImplementedError
