"""tau2's retail domain from the wheel of inspect-evals: its tools, tasks and database, without inspect itself.

The wheel's tools rest on two names of `inspect_ai`, a store and an error, which plain stand-ins give here: nothing of them is
measured.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import sys
import types
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from msgspec import Struct
from pydantic import BaseModel, create_model

from antiphon.agents.hands import ToolFailed
from antiphon.agents.safety.labels import infer
from antiphon.core.tool import Tool, ToolResult

from .scripted import Step


class ToolError(Exception):
    """What the suite's tools raise."""


class StoreModel(BaseModel):
    """Holds the database."""


class Task(Struct):
    """One customer."""

    id: str
    said: str
    """What the customer knows and wants, which the suite's simulated user tells in several turns."""
    steps: list[Step]


def _stand_in(name: str, **held: Any) -> None:
    module = types.ModuleType(name)
    vars(module).update(held)
    sys.modules[name] = module


def _package(name: str, folder: Path) -> None:
    """A package of the wheel without what its `__init__` imports."""
    module = types.ModuleType(name)
    module.__path__ = [str(folder)]
    sys.modules[name] = module


def load() -> Any:
    """The class of the suite's tools."""
    found = find_spec("inspect_evals")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("inspect-evals is not installed: see the head of bench/agents_tau2.py")
    root = Path(found.submodule_search_locations[0])
    _stand_in("toml")
    _stand_in("inspect_ai")
    _stand_in("inspect_ai.tool", ToolError=ToolError, Tool=object, tool=lambda made: made)
    _stand_in("inspect_ai.util", StoreModel=StoreModel)
    _stand_in("inspect_ai.model", Content=object, ContentText=object)
    _package("inspect_evals.tau2", root / "tau2")
    return importlib.import_module("inspect_evals.tau2.retail.RetailAgentTools").RetailAgentTools


def folder() -> Path:
    return Path(sys.modules["inspect_evals.tau2"].__path__[0]) / "data" / "domains" / "retail"


def tasks() -> Iterator[Task]:
    for one in json.loads((folder() / "tasks.json").read_text()):
        told = one["user_scenario"]["instructions"]
        said = " ".join(str(told.get(name) or "") for name in ("reason_for_call", "known_info", "task_instructions"))
        made = [Step(each["name"], each["arguments"]) for each in one["evaluation_criteria"]["actions"]]
        yield Task(id=one["id"], said=said, steps=made)


def fresh(kind: Any, beginning: Any) -> Any:
    """Its tools on a database of their own, as it is at the beginning."""
    return kind(db=beginning.db.model_copy(deep=True), initialized=True)


def beginning(kind: Any) -> Any:
    """Its tools with the database as the suite gives it."""
    made = kind()
    made.initialize()
    return made


class Transferred:
    """What retail's tools have beside those of the database."""

    @staticmethod
    def calculate(expression: str) -> str:
        """Calculate the result of a mathematical expression.

        Args:
            expression: The mathematical expression to calculate, with numbers, operators, parentheses and spaces.
        """
        common = importlib.import_module("inspect_evals.tau2.common.tools")
        return str(round(common._evaluate_arithmetic(expression), 2))  # noqa: SLF001 - what its `calculate` does

    @staticmethod
    def transfer_to_human_agents(summary: str) -> str:
        """Transfer the user to a human agent, with a summary of the user's issue.

        Args:
            summary: A summary of the user's issue.
        """
        return "Transfer successful"


def methods(held: Any) -> dict[str, Any]:
    """Public tools, by name."""
    own = [name for name in vars(type(held)) if not name.startswith("_") and name not in BaseModel.__dict__]
    found = {name: getattr(held, name) for name in own if inspect.ismethod(getattr(held, name, None))}
    found.pop("initialize", None)
    return {
        **found,
        "calculate": Transferred.calculate,
        "transfer_to_human_agents": Transferred.transfer_to_human_agents,
    }


def described() -> dict[str, str]:
    """What models are told of the tools: the docstrings of the wheel's `tools.py`."""
    source = (folder().parents[2] / "retail" / "tools.py").read_text()
    found: dict[str, str] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            for inner in ast.walk(node):
                if isinstance(inner, ast.AsyncFunctionDef) and inner.name == "execute":
                    found[node.name] = ast.get_docstring(inner) or ""
    return found


def tool_of(name: str, method: Any, about: dict[str, str]) -> Tool:
    """With inferred labels. The description is what stands before the arguments."""
    fields: dict[str, Any] = {
        one.name: (one.annotation, ... if one.default is inspect.Parameter.empty else one.default)
        for one in inspect.signature(method, eval_str=True).parameters.values()
    }
    said = (about.get(name) or inspect.getdoc(method) or name).partition("Args:")[0].strip()
    return infer(
        Tool(
            name=name,
            description=said,
            parameters=create_model(name, **fields).model_json_schema(),
            source="simulated",
        )
    )


def work(method: Any) -> Any:
    """A method as the work of a tool; what it raises is what the tool failed with."""

    def done(arguments: dict[str, Any]) -> ToolResult:
        try:
            came = method(**arguments)
        except ToolError as error:
            raise ToolFailed("failed", str(error)) from error
        text = came if isinstance(came, str) else json.dumps(came)
        try:
            return ToolResult(text=text, data=json.loads(text))
        except ValueError:
            return ToolResult(text=text, data=came)

    return done
