"""Where `antiphon route` takes outcomes from: a file, or the gateway's own receipts."""

import time
from argparse import Namespace
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from antiphon.app.objects import prepare
from antiphon.app.vaults import envelope
from antiphon.cli.configured import configured
from antiphon.cli.data import places_of, stores_of
from antiphon.cli.terminal import say
from antiphon.cli.text import counted
from antiphon.config.settings import Settings
from antiphon.control.spend_asked import moment
from antiphon.core.audit import Event
from antiphon.core.error import BadRequest, ConfigError, Problem

if TYPE_CHECKING:
    from antiphon.evaluation.outcomes import Outcome
    from antiphon.evaluation.own_receipts import OwnReceipts

USUAL_SINCE = "30d"
USUAL_TENANT = "default"


class Learned(Struct, frozen=True, kw_only=True):
    """What scored receipts came to."""

    scored: int
    """Receipts that have a score."""
    prompts: int
    """Of those that have a prompt too."""
    outcomes: int
    """A receipt has one for each deployment whose answer was scored."""
    propensities: int
    """Outcomes that keep the chance with which their deployment was chosen."""
    left_out: dict[str, int]
    """How many receipts were left out, by why."""


def outcomes_of(arguments: Namespace) -> "tuple[list[Outcome], Learned | None]":
    """Outcomes, and what is to be told of the receipts that they are from. Raises: ConfigError, BadRequest, StoreError."""
    from antiphon.evaluation.outcomes import read

    if arguments.receipts:
        return _own(arguments)
    if arguments.tenant or arguments.since or arguments.until:
        arguments.parser.error("--tenant, --since and --until go with --receipts")
    return read(Path(arguments.outcomes)), None


def need_file(arguments: Namespace, option: str) -> None:
    """Refuse --receipts where every model's answer to every prompt is needed."""
    if arguments.receipts:
        arguments.parser.error(f"{option} needs every model's answer to every prompt: give --outcomes FILE")


def _own(arguments: Namespace) -> "tuple[list[Outcome], Learned]":
    from antiphon.evaluation.own_receipts import OwnReceipts
    from antiphon.evaluation.scored import outcomes

    now_ns = time.time_ns()
    since, tenant = arguments.since or USUAL_SINCE, arguments.tenant or USUAL_TENANT
    since_ns = moment("since", since, now_ns)
    until_ns = moment("until", arguments.until, now_ns) if arguments.until else now_ns
    if until_ns <= since_ns:
        raise BadRequest(f"--until {arguments.until or 'now'} is not after --since {since}; give an earlier --since")
    settings = configured(arguments).settings
    places, reader = places_of(settings), stores_of(settings).reader()
    own = OwnReceipts(reader, envelope(settings, places) if places.key.is_file() else None)
    _note(settings, tenant, now_ns)
    try:
        found = list(outcomes(own.scored(tenant, since_ns, until_ns)))
    finally:
        reader.close()
    if not found:
        raise _nothing(own, tenant, since)
    learned = Learned(
        scored=own.receipts,
        prompts=own.prompts,
        outcomes=len(found),
        propensities=sum(one.propensity is not None for one in found),
        left_out=dict(own.left),
    )
    _tell(learned)
    return found, learned


def _note(settings: Settings, tenant: str, now_ns: int) -> None:
    """That content is read, for auditors."""
    prepare(settings)
    with closing(stores_of(settings).audit()) as notes:
        notes.note(Event(tenant=tenant, kind="content.view", by="cli", at_ns=now_ns, about="route/outcomes"))


def _tell(learned: Learned) -> None:
    told = f"{counted(learned.scored, 'receipt')} scored, {learned.prompts} of them with a prompt: "
    say(told + counted(learned.outcomes, "outcome"))
    for why, count in learned.left_out.items():
        say(f"{counted(count, 'receipt')} left out: {why}")


def _nothing(own: "OwnReceipts", tenant: str, since: str) -> ConfigError:
    """Why there is nothing to learn from, and what to do."""
    from antiphon.evaluation.own_receipts import BARE, SEALED

    if not own.receipts:
        wrong = f"no receipt of tenant {tenant!r} since {since} has a score"
        remedy = "score answers by `antiphon feedback` or POST /v1/feedback; or name another --tenant or --since"
        return refused("--receipts", wrong, remedy)
    reasons = "; ".join(f"{why}: {count}" for why, count in own.left.most_common())
    wrong = f"none of {counted(own.receipts, 'scored receipt')} can be learned from ({reasons})"
    remedies = {
        BARE: "write `storage: {capture: content}`: prompts are kept from then on",
        SEALED: "run this where the gateway's data directory is, with its local.key",
    }
    most = own.left.most_common(1)[0][0]
    return refused("--receipts", wrong, remedies.get(most, "name another --since, or give --outcomes FILE"))


def refused(at: str, wrong: str, remedy: str) -> ConfigError:
    """A refusal of what the command line says."""
    return ConfigError([Problem(file="command line", line=0, path=at, wrong=wrong, remedy=remedy)])
