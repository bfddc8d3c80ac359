"""Calls that agents answer: what is asked of the run, and that its call counts for nothing."""

from antiphon.calls.attempt import Try
from antiphon.calls.work import Work
from antiphon.core.money import NanoUsd
from antiphon.core.ports import Sought
from antiphon.core.receipt import Ran
from antiphon.core.request import Request
from antiphon.core.ticket import Bound
from antiphon.core.usage import Usage
from antiphon.providers.target import Said

UNCOUNTED = Usage()
"""What an attempt at an agent used by itself, whatever its caller is told of the run: also where it failed."""
NOTHING = Bound(money_nano_usd=NanoUsd(0), tokens=0, likely_nano_usd=0, likely_input_tokens=0, likely_output_tokens=0)
"""Every call that the run makes holds its own."""


def sought(attempt: Try, said: Said, request: Request, work: Work) -> Sought:
    """What an attempt asks of the run behind its deployment."""

    def ran(run: Ran) -> None:
        work.run = run

    return Sought(
        agent=attempt.target.deployment.model,
        principal=work.principal,
        receipt=work.draft().id,
        request=request,
        outbound=said.outbound,
        ran=ran,
        trace=work.span,
    )
