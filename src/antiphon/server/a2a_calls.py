"""Methods of A2A by name, as its host does them: whatever the binding and the version."""

from collections.abc import AsyncIterator
from typing import Any

from msgspec import Struct

from antiphon.agents.a2a.host import Host
from antiphon.core.principal import Principal
from antiphon.core.request import Trace
from antiphon.wire.a2a.errors import A2AError
from antiphon.wire.a2a.rpc import METHODS, word
from antiphon.wire.a2a.words import Item, Listing, One, Push, Pushes, Send, plain


class Asking(Struct, frozen=True, kw_only=True):
    """One call of a method."""

    principal: Principal
    agent: str
    method: str
    params: dict[str, Any]
    base_url: str
    trace: Trace | None = None
    """That the caller came with."""
    texts: bool = False
    """Numbers and truths among the parameters are texts: they come from a query."""

    def one(self) -> One:
        """Raises: A2AError."""
        found = word(One, self.params, texts=self.texts)
        if not (found.id or found.task_id):
            raise A2AError("`id` has to name a task", reason="INVALID_PARAMS")
        return found


async def stream(host: Host, asking: Asking) -> AsyncIterator[Item | None]:
    """Raises: A2AError, and what beginning a run raises."""
    who, agent = asking.principal, asking.agent
    if asking.method == "SendStreamingMessage":
        return await host.stream(who, agent, word(Send, asking.params), asking.trace)
    return await host.subscribe(who, agent, asking.one().id)


async def call(host: Host, asking: Asking) -> Any:
    """The result as plain JSON values. Raises: A2AError, and what beginning a run raises."""
    who, agent, method = asking.principal, asking.agent, asking.method
    match method:
        case "SendMessage":
            return {"task": plain(await host.send(who, agent, word(Send, asking.params), asking.trace))}
        case "GetTask":
            one = asking.one()
            return plain(await host.get(who, agent, one.id, one.history_length))
        case "ListTasks":
            return plain(await host.page(who, agent, word(Listing, asking.params, texts=asking.texts)))
        case "CancelTask":
            return plain(await host.cancel(who, agent, asking.one().id))
        case "GetExtendedAgentCard":
            card = plain(host.card(who, agent, asking.base_url))
            return card if host.signer is None else host.signer.signed(card, asking.base_url)
        case _:
            return await _push(host, asking)


async def _push(host: Host, asking: Asking) -> Any:
    who, agent, method = asking.principal, asking.agent, asking.method
    match method:
        case "CreateTaskPushNotificationConfig":
            return plain(await host.keep_push(who, agent, word(Push, asking.params)))
        case "GetTaskPushNotificationConfig":
            one = asking.one()
            return plain(await host.push(who, agent, one.task_id, one.id))
        case "ListTaskPushNotificationConfigs":
            found = await host.push_list(who, agent, asking.one().task_id)
            return plain(Pushes(configs=tuple(found)))
        case "DeleteTaskPushNotificationConfig":
            one = asking.one()
            await host.drop_push(who, agent, one.task_id, one.id)
            return None
        case _:
            raise A2AError(
                f"there is no method {method[:64]!r}; there are {', '.join(METHODS)}", reason="METHOD_NOT_FOUND"
            )
