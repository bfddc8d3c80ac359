"""What the loop needs of safety: a ruling before each action, labels after it. Pure: values in, values out."""

from abc import ABC, abstractmethod
from typing import Literal

from msgspec import Struct

from antiphon.agents.state import Action, Observation, State
from antiphon.core.tool import Origins, Tool, ToolResult

Ruled = Literal["allow", "approve", "refuse"]


class Ruling(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What becomes of an action."""

    ruled: Ruled
    reasons: tuple[str, ...] = ()
    """Codes: `plan_lock`, `argument:NAME`, `destructive`, `trifecta`, `confirm`, `policy:ID`, `quarantined`, `rights`,
    `takes`."""
    say: str = ""
    """What the model is told where it is refused; what people are told where they are asked."""
    needed: int = 1
    """People who have to approve."""
    approvers: str = ""


class Gate(ABC):
    """Rules over one agent's actions."""

    @abstractmethod
    def rule(self, action: Action, tool: Tool | None, state: State) -> Ruling:
        """Before an action, by what the State has seen. `tool`: the one that a `tool` action calls."""

    @abstractmethod
    def labelled(self, action: Action, tool: Tool | None, result: ToolResult, state: State) -> Origins:
        """Where what came back comes from."""

    @abstractmethod
    def shown(self, observation: Observation, state: State) -> str:
        """As the model may read it: untrusted text is marked as data (spotlighting), or stands behind a handle where the
        agent quarantines it.
        """
