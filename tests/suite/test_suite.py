"""The runner of stages, with stages of a moment."""

import json
import sys
import threading
from pathlib import Path

import pytest
from tests.suite.report import slowest, table, timed, write_seconds
from tests.suite.run import Ended, Run
from tests.suite.stages import Stage, stages
from tests.suite.tell import Teller

FAILS = "import sys; print('the reason'); sys.exit(3)"


def stage(name: str, code: str = "", lane: str = "a", after: tuple[str, ...] = ()) -> Stage:
    return Stage(name, lane, (sys.executable, "-c", code), after)


def run(folder: Path, *every: Stage) -> Run:
    made = Run(every, folder, dict, lambda stage, ended: None)
    for thread in made.start():
        thread.join(60)
    return made


def names(run: Run) -> list[str]:
    return [ended.stage.name for ended in run.ended]


def waits_for(path: Path) -> str:
    return f"import pathlib, time\nwhile not pathlib.Path({str(path)!r}).exists(): time.sleep(0.01)\n"


def test_stages_of_a_lane_run_one_after_the_other(tmp_path: Path) -> None:
    ran = run(tmp_path, stage("first"), stage("second"), stage("third"))
    assert names(ran) == ["first", "second", "third"]
    assert ran.well


def test_lanes_run_side_by_side(tmp_path: Path) -> None:
    one, two = tmp_path / "one.log", tmp_path / "two.log"
    assert run(tmp_path, stage("one", waits_for(two), "a"), stage("two", waits_for(one), "b")).well


def test_a_stage_waits_for_that_of_another_lane_which_it_comes_after(tmp_path: Path) -> None:
    ran = run(tmp_path, stage("late", lane="b", after=("early",)), stage("early"))
    assert names(ran) == ["early", "late"]


def test_after_a_failure_nothing_begins_and_what_runs_may_end(tmp_path: Path) -> None:
    failed, logs = tmp_path / "failed", tmp_path / "logs"
    every = (
        stage("bad", waits_for(logs / "under-way.log") + FAILS),
        stage("never"),
        stage("under way", waits_for(failed), "b"),
        stage("nor this", lane="b"),
        stage("nor what waits", lane="c", after=("never",)),
    )

    def tell(stage: Stage, ended: Ended | None) -> None:
        if ended is not None and stage.name == "bad":
            failed.touch()

    made = Run(every, logs, dict, tell)
    for thread in made.start():
        thread.join(60)
    assert {e.stage.name: e.code for e in made.ended} == {"bad": 3, "under way": 0}
    assert not made.well
    assert made.log(every[0]).read_text() == "the reason\n"


def test_a_command_that_is_not_there_fails_its_stage(tmp_path: Path) -> None:
    ran = run(tmp_path, Stage("absent", "a", ("/no/such/program",)))
    assert [e.well for e in ran.ended] == [False]
    assert "/no/such/program" in ran.log(ran.stages[0]).read_text()


def test_a_stage_of_the_lab_gets_its_variables_and_no_other_does(tmp_path: Path) -> None:
    said = "import os; print(os.environ.get('NAVARCH_SUITE_TEST'))"
    every = (stage("without", said), Stage("with", "a", (sys.executable, "-c", said), lab=True))
    made = Run(every, tmp_path, lambda: {"NAVARCH_SUITE_TEST": "here"}, lambda stage, ended: None)
    for thread in made.start():
        thread.join(60)
    assert [made.log(s).read_text() for s in every] == ["None\n", "here\n"]


def test_an_interrupted_run_ends_what_runs(tmp_path: Path) -> None:
    begun = threading.Event()
    every = (stage("long", "import time; time.sleep(3600)"), stage("never"))
    made = Run(every, tmp_path, dict, lambda stage, ended: begun.set())
    threads = made.start()
    begun.wait(60)
    made.stop()
    for thread in threads:
        thread.join(60)
    assert [(e.stage.name, e.well) for e in made.ended] == [("long", False)]


def test_processor_seconds_are_those_of_the_stage_with_all_its_children(tmp_path: Path) -> None:
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    ran = run(
        tmp_path,
        stage("idle"),
        stage("busy", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"),
    )
    idle, worked = (e.cpu_seconds for e in ran.ended)
    assert worked > idle + 0.25


@pytest.fixture
def ended(tmp_path: Path) -> tuple[Ended, ...]:
    log = tmp_path / "log"
    log.write_text("line\n" * 1000 + "the end\n")
    return (
        Ended(stage("quick"), 1.26, 0.5, 0.4, 0, log),
        Ended(Stage("bad", "a", (), tests=True), 100.0, 90.0, 1.9, 2, log),
    )


def test_seconds_are_written_of_what_ended_also_where_it_failed(tmp_path: Path, ended: tuple[Ended, ...]) -> None:
    write_seconds(tmp_path / "seconds.json", ended)
    assert json.loads((tmp_path / "seconds.json").read_text()) == {"quick": 1.3, "bad": 100.0}


def test_the_table_names_failures_and_the_budget(ended: tuple[Ended, ...]) -> None:
    assert "bad      100.0       90.0         1.9  FAILED (2)" in table(ended, 101.3, 2700)
    assert "OVER" not in table(ended, 101.3, 2700)
    assert "OVER THE BUDGET BY 5 s" in table(ended, 2705, 2700)


def test_a_failed_stages_log_is_shown_from_its_end(
    tmp_path: Path, ended: tuple[Ended, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    teller = Teller(tmp_path / "build" / "seconds.json")
    for each in ended:
        teller.tell(each.stage, None)
        teller.tell(each.stage, each)
    said = capsys.readouterr().out
    assert "bad: FAILED with 2 in 100 s - the end" in said
    assert said.count("| line") == 399
    assert "601 lines before these" in said
    assert json.loads((tmp_path / "build" / "seconds.json").read_text())["bad"] == 100.0


def test_the_slowest_of_all_stages_tests_come_first(tmp_path: Path) -> None:
    case = '<testcase classname="tests.{0}" name="test_{0}" time="{1}"/>'
    (tmp_path / "a.xml").write_text(f"<testsuite>{case.format('a', 1.5)}{case.format('b', 30)}</testsuite>")
    (tmp_path / "b.xml").write_text(f"<testsuite>{case.format('c', 7)}</testsuite>")
    (tmp_path / "broken.xml").write_text("<testsuite>")
    tests = timed(tmp_path / name for name in ("a.xml", "b.xml", "broken.xml", "absent.xml"))
    assert [test.seconds for test in tests] == [30, 7, 1.5]
    assert slowest(tests, 2).splitlines() == ["   30.0  tests.b::test_b", "    7.0  tests.c::test_c"]


def test_the_lab_begins_empty_in_ci_alone() -> None:
    assert "lab: empty" in [s.name for s in stages({"CI": "true"})]
    assert "lab: empty" not in [s.name for s in stages({})]
