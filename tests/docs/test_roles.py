"""The tables of roles are those of the code."""

import re

from pages.page import reference

from antiphon.control.roles import MAY, PERMISSIONS, ROLES

PAGE = reference("roles")


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_each_role_may_what_its_row_says() -> None:
    rows = [row for row in PAGE.rows("What each role may") if names(row[0])[0] in MAY]
    assert [names(row[0])[0] for row in rows] == list(ROLES)
    for row in rows:
        role = names(row[0])[0]
        assert names(row[1]) == [one for one in PERMISSIONS if one in MAY[role]]


def test_each_permission_has_its_row() -> None:
    rows = [names(row[0])[0] for row in PAGE.rows("What each role may")]
    assert [one for one in rows if one not in MAY] == list(PERMISSIONS)
