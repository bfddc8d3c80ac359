"""Labels of tools that nobody labelled: from names, descriptions and schemas, on the safe side."""

from typing import Any

import pytest

from antiphon.agents.safety.labels import addressed, infer
from antiphon.core.tool import Tool

NONE: set[str] = set()


def tool(name: str, description: str = "Does it.", /, **fields: Any) -> Tool:
    properties: dict[str, Any] = {
        key: {"type": form} if isinstance(form, str) else form for key, form in fields.items()
    }
    return Tool(name=name, description=description, parameters={"type": "object", "properties": properties})


@pytest.mark.parametrize(
    ("given", "effect", "flags", "risky"),
    [
        (tool("list_invoices", month="string"), "pure", {"untrusted", "private"}, ()),
        (tool("fetch_document", "Loads a web page.", url="string"), "pure", {"untrusted", "sends"}, ("url",)),
        (tool("crm__findContacts", "Looks up contacts.", name="string"), "pure", {"private"}, ()),
        (tool("get_current_time"), "pure", NONE, ()),
        (tool("get_day_schedule", day="string"), "pure", {"untrusted", "private"}, ()),
        (
            tool("wire_funds", account="string", amount="number", memo="string", on_date="string"),
            "at_most_once",
            NONE,
            ("account", "amount"),
        ),
        (tool("post_comment", thread_id="string", body="string"), "at_most_once", {"sends"}, ("thread_id",)),
        (tool("plan_meeting", participants="array", title="string"), "at_most_once", {"sends"}, ("participants",)),
        (tool("purge_records", table="string"), "at_most_once", {"destructive"}, ("table",)),
        (tool("frobnicate", target="string", urgent="boolean"), "at_most_once", NONE, ("target",)),
        (tool("run_anything"), "at_most_once", NONE, ("*",)),
    ],
    ids=lambda value: value.name if isinstance(value, Tool) else "",
)
def test_labels_come_from_what_a_tool_says_of_itself(
    given: Tool, effect: str, flags: set[str], risky: tuple[str, ...]
) -> None:
    found = infer(given)
    assert found.effect == effect
    assert {flag for flag in ("sends", "untrusted", "private", "destructive") if getattr(found, flag)} == flags
    assert found.risky == risky


def test_what_the_operator_said_stays() -> None:
    given = Tool(name="delete_draft", description="", parameters={"type": "object"}, effect="idempotent")
    found = infer(given, frozenset({"effect", "destructive", "risky"}))
    assert (found.effect, found.destructive, found.risky) == ("idempotent", False, ())


def test_hints_of_a_trusted_server_go_before_words() -> None:
    found = infer(tool("sync_ledger", account="string"), hints={"readOnlyHint": True, "openWorldHint": False})
    assert (found.effect, found.untrusted, found.risky) == ("pure", False, ())
    writes = infer(tool("get_lock", name="string"), hints={"readOnlyHint": False, "destructiveHint": True})
    assert (writes.effect, writes.destructive) == ("at_most_once", True)


def test_choices_dates_and_flags_are_not_risky_behind_unions() -> None:
    form = {"anyOf": [{"type": "boolean"}, {"type": "null"}]}
    choice = {"anyOf": [{"enum": ["low", "high"]}, {"type": "null"}]}
    when = {"type": "string", "format": "date"}
    found = infer(tool("update_order", order_id="string", gift=form, priority=choice, due=when))
    assert found.risky == ("order_id",)


def test_a_tool_that_names_people_sends_to_those_it_is_given_and_others_to_whom_they_always_do() -> None:
    meeting = infer(tool("plan_meeting", participants="array", title="string"))
    tweet = infer(tool("tweet", text="string"))
    assert addressed(meeting, {"title": "x"})
    assert not addressed(tweet, {"text": "x"})
