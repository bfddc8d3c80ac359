from antiphon.config.written import Written, choose
from antiphon.wire.yaml import compose
from antiphon.wire.yaml_node import Path


def written(text: str, *broken: Path) -> Written:
    tree, _ = compose(text, "f.yaml")
    return Written(file="f.yaml", tree=tree, broken=frozenset(broken))


def test_a_path_is_sound_unless_it_or_something_above_or_beneath_it_is_broken() -> None:
    one = written("", ("a", "b"))
    assert not one.sound(("a",))
    assert not one.sound(("a", "b"))
    assert not one.sound(("a", "b", "c"))
    assert one.sound(("a", "c"), ("b",))
    assert not one.sound(("a", "c"), ("a", "b"))


def test_kept_items_are_those_of_the_settings_list() -> None:
    assert written("a: [x, y, z]", ("a", 1)).kept(("a",)) == [0, 2]
    assert written("a: [x, y, z]", ("a",)).kept(("a",)) == []
    assert written("a: x").kept(("a",)) == []
    assert written("").kept(("a",)) == []


def test_names_are_all_that_were_written() -> None:
    assert written("a: {x: 1, y: 2}", ("a", "x")).names("a") == ("x", "y")
    assert written("a: 5").names("a") == ()


def test_a_problem_stands_in_the_line_of_its_path() -> None:
    problem = written("a:\n  b: 1\n").problem(("a", "b"), "is wrong", "mend it")
    assert str(problem) == "f.yaml:2: a.b: is wrong; mend it"


def test_a_name_that_is_not_known_gets_the_nearest_or_all() -> None:
    assert choose("fats", ("fast", "slow"), "routes") == "did you mean `fast`?"
    assert choose("xyz", ("slow", "fast"), "routes") == "write one of fast, slow"
    assert choose("xyz", (), "routes") == "there are no routes; write one first"
