"""The one error tree.

    AntiphonError
    ├── BadRequest 400                what the caller sent can't be taken
    │   ├── NotAuthenticated 401      no key, or an unknown one
    │   ├── NotAllowed 403            the verdict says no
    │   │   ├── PolicyDenied 403      policies forbid it, or none allows it; `reasons` names them
    │   │   └── ApprovalRefused 403   a person said no, or nobody said yes in time
    │   ├── GuardBlocked 400          a guard found what may not pass; `reasons` names its rules
    │   ├── Erased 410                it was erased, and can't be read by anybody any more
    │   ├── CannotCarry 400           it can't be put into the words of the one upstream that was to answer
    │   ├── NotFound 404              no such model, receipt or path
    │   ├── WrongMethod 405           the path takes other methods; `allow` names them
    │   ├── TooSlow 408               the request was not sent in time
    │   ├── OwnedElsewhere 409        the configuration file owns the object that the admin API was asked to change
    │   ├── VersionConflict 412       an object is not as the caller last saw it
    │   ├── TooLarge 413              a body or header over its limit
    │   └── WrongMediaType 415        not JSON, or encoded in a way that isn't read
    ├── BudgetExceeded 402            what is left of a budget can't cover the request; `budget` names it
    ├── EnvelopeExceeded 402          what is left of a recipe's envelope can't cover a call
    ├── ContractViolated 502          no answer kept the output contract, and the recipe says to refuse it then
    ├── ApprovalPending 202           a person has to say yes; `approval` is the ticket to ask with again
    ├── GuardFailed 503               a guard or the policy engine failed, and nothing passes unseen
    ├── OverLimit 429                 a queue or a limit is full; `retry_after_s` says when to come back
    │   └── LeftAlone 429             another request is finding out whether the upstream is back
    ├── Unavailable 503               this process is draining or not ready
    ├── NotCached 504                 the caller wants an answer that is kept, and none is
    ├── DeadlineExceeded 504          the time that the request had is over; the message says who set it
    ├── RunWaits 409                  the run that was to answer waits for a person; `run` names it
    ├── RunUnfinished 504             the run that was to answer goes on after the time that the request had
    ├── RunFailed 502                 the run that was to answer ended without an answer; the message says why
    ├── UpstreamError 502             the upstream failed; subclasses say how
    │   ├── UpstreamRefused 400…      it answered an error that is the caller's to mend
    │   ├── UpstreamAuth 502          it refused our credential
    │   ├── UpstreamQuota 429         it is out of credit or quota
    │   ├── UpstreamLimited 429       it asks us to slow down
    │   ├── UpstreamOverloaded 503    it is overloaded (503, 529)
    │   ├── UpstreamUnreachable 502   no connection: name, connect or TLS
    │   │   └── EgressRefused 502     the rules of egress forbid where the connection would go
    │   ├── UpstreamBroken 502        the connection ended before the answer did
    │   │   └── StaleConnection 502   a kept connection was closed before it carried anything
    │   ├── UpstreamMalformed 502     the answer isn't what the protocol says
    │   └── UpstreamTimeout 504       a deadline passed
    ├── StoreError 503                a record could not be kept
    └── ConfigError                   what the operator wrote can't be taken (carries all problems)

`code` is stable and documented; `message` names the offending value and the remedy.
"""

from typing import ClassVar


class AntiphonError(Exception):
    """Any failure that Antiphon answers for."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    """Whether the same request may succeed a little later; clients are told so."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        status: int = 0,
        param: str | None = None,
        retry_after_s: float | None = None,
        reasons: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        """For the caller; it may quote what the caller or an upstream said."""
        self.noted = message
        """For receipts and logs: the same, less what may quote a prompt or an answer."""
        self.param = param
        self.retry_after_s = retry_after_s
        self.reasons = reasons
        """Ids of the policies, or rules of the guards, that said no."""
        self.said_code = code or self.code
        """What receipts, metrics and logs call it: one of a fixed set."""
        self.shown_code = self.said_code
        """What the caller is told: an upstream's own word where it is the caller's to act on."""
        self.said_status = status or self.status
        self.spent = False
        """The call made all the attempts that were worth making: one more at once would not help."""


class BadRequest(AntiphonError):
    code = "invalid_request"
    status = 400


class NotAuthenticated(BadRequest):
    code = "invalid_api_key"
    status = 401


class NotAllowed(BadRequest):
    code = "not_allowed"
    status = 403


class PolicyDenied(NotAllowed):
    """`reasons`: ids of the policies, or `default.deny`."""

    code = "policy_denied"


class ApprovalRefused(NotAllowed):
    code = "approval_refused"


class GuardBlocked(BadRequest):
    """`reasons`: rules of guards, such as `pii.payment_card`. The message never quotes what was found."""

    code = "guard_blocked"


class Erased(BadRequest):
    code = "erased"
    status = 410


class CannotCarry(BadRequest):
    """Another upstream may take it."""

    code = "cannot_carry"


class NotFound(BadRequest):
    code = "not_found"
    status = 404


class WrongMethod(BadRequest):
    code = "method_not_allowed"
    status = 405

    def __init__(self, message: str, *, code: str = "", status: int = 0, allow: str = "GET, HEAD") -> None:
        """`allow` lists the methods that the path takes, as the header `Allow` has them."""
        super().__init__(message, code=code, status=status)
        self.allow = allow


class TooSlow(BadRequest):
    code = "request_timeout"
    status = 408


class OwnedElsewhere(BadRequest):
    code = "owned_by_yaml"
    status = 409


class VersionConflict(BadRequest):
    code = "version_conflict"
    status = 412


class TooLarge(BadRequest):
    code = "request_too_large"
    status = 413


class WrongMediaType(BadRequest):
    code = "unsupported_media_type"
    status = 415


class EnvelopeExceeded(AntiphonError):
    """A recipe has no room for another call. Nothing was sent."""

    code = "envelope_exceeded"
    status = 402


class ContractViolated(AntiphonError):
    """Models answered, and none as the output contract asks."""

    code = "contract_violated"
    status = 502
    retryable = True


class BudgetExceeded(AntiphonError):
    """Nothing was spent. `budget` names the budget, `left_nano_usd` what a hard one in money has left; None: it isn't."""

    code = "budget_exceeded"
    status = 402

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        budget: str = "",
        left_nano_usd: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, code=code, retry_after_s=retry_after_s)
        self.budget = budget
        self.left_nano_usd = left_nano_usd


class ApprovalPending(AntiphonError):
    """Nothing was sent. The same request with the header `x-antiphon-approval: ID` runs once it is approved."""

    code = "approval_pending"
    status = 202

    def __init__(self, message: str, *, approval: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.approval = approval


class GuardFailed(AntiphonError):
    code = "guard_failed"
    status = 503
    retryable = True


class OverLimit(AntiphonError):
    code = "rate_limit_exceeded"
    status = 429
    retryable = True


class LeftAlone(OverLimit):
    """Told to a caller only where nothing else went wrong: it is a moment's race."""

    code = "left_alone"


class Unavailable(AntiphonError):
    code = "unavailable"
    status = 503
    retryable = True


class NotCached(AntiphonError):
    """Nothing was sent."""

    code = "not_cached"
    status = 504


class DeadlineExceeded(AntiphonError):
    code = "deadline_exceeded"
    status = 504
    retryable = True


class RunWaits(AntiphonError):
    """It goes on once the person has answered; nothing of it is lost."""

    code = "run_waits"
    status = 409

    def __init__(self, message: str, *, run: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.run = run
        if run:
            self.noted = f"the run {run} waits for a person"


class RunUnfinished(AntiphonError):
    """It goes on: the same request with the header `x-antiphon-run: RUN` finds it again."""

    code = "run_unfinished"
    status = 504

    def __init__(self, message: str, *, run: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.run = run
        if run:
            self.noted = f"the run {run} goes on"


class RunFailed(AntiphonError):
    """The same request begins another run."""

    code = "run_failed"
    status = 502

    def __init__(self, message: str, *, run: str = "", stop: str = "error", retry_after_s: float | None = None) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.run, self.stop = run, stop
        if run:
            self.noted = f"the run {run} ended: {stop}"


class UpstreamError(AntiphonError):
    """An upstream failed. `upstream_status` is its own HTTP status, `body` the start of its answer."""

    code = "upstream_error"
    status = 502
    retryable = True

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        retry_after_s: float | None = None,
        upstream_status: int | None = None,
        body: bytes = b"",
    ) -> None:
        super().__init__(message, status=status, retry_after_s=retry_after_s)
        self.upstream_status = upstream_status
        self.body = body
        self.used: object = None
        """Usage of its answer, where that was told although the answer is no use. (Commands load this module, and no
        other: so its type isn't named.)"""
        self.connected = True
        """There was a connection, so that the upstream may have taken the request."""


class UpstreamRefused(UpstreamError):
    """The caller's to mend: the upstream's own message, code and parameter are passed on."""

    code = "upstream_refused"
    status = 400
    retryable = False


class UpstreamAuth(UpstreamError):
    code = "upstream_auth"
    retryable = False


class UpstreamQuota(UpstreamError):
    code = "upstream_quota"
    status = 429
    retryable = False


class UpstreamLimited(UpstreamError):
    code = "upstream_rate_limited"
    status = 429


class UpstreamOverloaded(UpstreamError):
    code = "upstream_overloaded"
    status = 503


class UpstreamUnreachable(UpstreamError):
    code = "upstream_unreachable"


class EgressRefused(UpstreamUnreachable):
    """Nothing was sent, and no connection was made."""

    code = "egress_refused"
    retryable = False


class UpstreamBroken(UpstreamError):
    code = "upstream_broken"


class StaleConnection(UpstreamBroken):
    code = "upstream_stale_connection"


class UpstreamMalformed(UpstreamError):
    code = "upstream_malformed"


class UpstreamTimeout(UpstreamError):
    code = "upstream_timeout"
    status = 504


class StoreError(AntiphonError):
    code = "store_error"
    status = 503
    retryable = True


class Problem(Exception):
    """One mistake in a configuration: where, what is wrong, what to write."""

    def __init__(self, *, file: str, line: int, path: str, wrong: str, remedy: str) -> None:
        super().__init__(f"{file}:{line}: {path}: {wrong}; {remedy}")
        self.file, self.line, self.path, self.wrong, self.remedy = file, line, path, wrong, remedy


class ConfigError(AntiphonError):
    """A configuration can't be taken. All its mistakes are listed, not the first alone."""

    code = "config_error"

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
