"""Real processes that run agents and die, on SQLite and Postgres: nothing is lost, nothing is done twice."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from agent_workers import Person, Worker, prepared
from scripted_agents import Place, scripted
from servers import Postgres

from antiphon.agents.engine.takeover import RETIRED_EXIT
from antiphon.core.run import Run
from antiphon.core.run_store import Asked
from rig.wait import until

RUNS, STEPS = 6, 12


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    url = request.getfixturevalue("postgres").database() if request.param == "postgres" else ""
    return prepared(tmp_path, url, concurrency=RUNS)


@pytest.fixture
def workers() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def person_of(workers: ExitStack, place: Place) -> Person:
    person = Person(place)
    workers.callback(person.store.close)
    return person


def begun(workers: ExitStack, place: Place, *, elsewhere: bool = False) -> Worker:
    worker = Worker(place, elsewhere=elsewhere)
    workers.callback(worker.end)
    assert worker.ready, (place.dir / "log").read_text()
    return worker


def begin(person: Person, **more: Any) -> None:
    for number in range(RUNS):
        person.store.begin(scripted(f"r{number}", {"steps": STEPS, "each_s": 0.15, **more}))


def begin_held(person: Person, place: Place) -> Path:
    """Runs that stop amid an effect. Returns: the file that they wait for there."""
    gate = place.dir / "gate"
    begin(person, held=STEPS // 2, gate=str(gate))
    until(Path(f"{gate}.held").exists, "an effect that is intended and not done", 60)
    return gate


def under_way(person: Person) -> None:
    until(lambda: len(person.effects()) > RUNS, "effects", 60)


def finished(person: Person) -> list[Run]:
    """All runs, once they have ended; each effect was there once."""
    until(lambda: not person.look(), "the end of all runs", 120)
    runs = person.store.page(Asked())
    assert [(one.status, one.why) for one in runs] == [("done", "all is done")] * RUNS
    wanted = [f"r{number} effect {at}" for number in range(RUNS) for at in range(STEPS)]
    assert person.effects() == Counter(wanted)
    assert {one.used.steps for one in runs} == {STEPS}
    assert {one.used.money_nano_usd for one in runs} == {3 * STEPS}
    return runs


def test_a_killed_worker_s_runs_go_on_in_another(place: Place, workers: ExitStack) -> None:
    person, first = person_of(workers, place), begun(workers, place)
    gate = begin_held(person, place)
    second = begun(workers, place)
    first.end()
    gate.touch()
    finished(person)
    assert person.reviewed, "no effect was cut off: the worker was not killed while it worked"
    assert second.gone is None


def test_a_killed_worker_s_runs_go_on_when_it_is_started_again(place: Place, workers: ExitStack) -> None:
    person, first = person_of(workers, place), begun(workers, place)
    begin(person)
    under_way(person)
    first.end()
    begun(workers, place)
    finished(person)


def test_a_worker_that_stands_still_is_ended_before_its_runs_are_taken(place: Place, workers: ExitStack) -> None:
    person, first = person_of(workers, place), begun(workers, place)
    begin(person)
    under_way(person)
    second = begun(workers, place)
    first.say(signal.SIGSTOP)
    assert until(lambda: first.gone, "the end of the stopped worker") == -signal.SIGKILL
    finished(person)
    assert second.gone is None


def test_a_worker_of_another_machine_that_wakes_up_too_late_ends_itself(
    postgres: Postgres, tmp_path: Path, workers: ExitStack
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root makes a namespace of pids, which stands for another machine")
    place = prepared(tmp_path, postgres.database(), concurrency=RUNS)
    person, first = person_of(workers, place), begun(workers, place, elsewhere=True)
    gate = begin_held(person, place)
    begun(workers, place)
    first.say(signal.SIGSTOP)
    until(lambda: any(one.retired for one in person.store.beats()), "its retirement")
    until(lambda: person.look() and person.reviewed, "effects that were cut off")
    assert first.gone is None
    gate.touch()
    first.say(signal.SIGCONT)
    assert until(lambda: first.gone, "its end") == RETIRED_EXIT
    finished(person)


def test_a_worker_that_is_asked_to_stop_leaves_its_runs_between_steps(place: Place, workers: ExitStack) -> None:
    person, first = person_of(workers, place), begun(workers, place)
    begin(person)
    under_way(person)
    begun(workers, place)
    first.say(signal.SIGTERM)
    assert first.ended() == 0
    finished(person)
    assert not person.reviewed
