"""The program that a control-plane machine runs when it is shut down, on processes of its own. With real etcd:
tests/integration/test_leaving_a_real_etcd.py."""

import configparser
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from tests.unit.bootstrap.joining import NOW, SECRETS, control_plane, facts, worker

from navarch.bootstrap.join import join_answer

PROGRAM = files("navarch.bootstrap") / "machine" / "leave"
Start = Callable[[str, str], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a container: a process that notes in `log` when it was asked to end, then does as the script says."""
    started: list[subprocess.Popen[bytes]] = []

    def run(name: str, then: str) -> "subprocess.Popen[bytes]":
        text = f"trap 'echo {name} >> log; {then}' TERM; : > {name}.up; while :; do sleep 0.02; done"
        started.append(subprocess.Popen(["sh", "-c", text], cwd=tmp_path))
        end = time.monotonic() + 10
        while not (tmp_path / f"{name}.up").exists():
            assert time.monotonic() < end
            time.sleep(0.01)
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()


def leave(folder: Path, runtime: str) -> subprocess.CompletedProcess[str]:
    """Run the program beside a container runtime that answers by a shell script; etcd answers nothing."""
    ctr = folder / "bin" / "ctr"
    ctr.parent.mkdir()
    ctr.write_text(f"#!/bin/sh\n{runtime}\n")
    ctr.chmod(0o755)
    return subprocess.run(
        [sys.executable, str(PROGRAM)],
        env={"PATH": f"{ctr.parent}:{os.environ['PATH']}", "NAVARCH_PKI": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def names() -> dict[str, Any]:
    """What the program defines."""
    defined: dict[str, Any] = {"__name__": "leave"}
    exec(compile(PROGRAM.read_text(), "leave", "exec"), defined)
    return defined


def test_etcd_ends_when_all_else_has_ended_whatever_goes_wrong_between(tmp_path: Path, start: Start) -> None:
    slow = start("kube-apiserver", "sleep 0.5; echo served >> log; exit 0")
    quick = start("kube-scheduler", "exit 0")
    etcd = start("etcd", "exit 0")
    told = f"""case "$*" in
*"tasks list") printf "TASK PID STATUS\\na1 {slow.pid} RUNNING\\ns1 {quick.pid} RUNNING\\n"
	printf "e1 {etcd.pid} RUNNING\\ne0 1 STOPPED\\npause1 {os.getpid()} RUNNING\\n" ;;
*'container.name"==etcd'*) echo e0; echo e1 ;;
*'kind"==container') printf "a1\\ns1\\ne0\\ne1\\n" ;;
esac"""
    done = leave(tmp_path, told)
    log = (tmp_path / "log").read_text().split()
    assert sorted(log[:2]) == ["kube-apiserver", "kube-scheduler"]
    assert log[2:] == ["served", "etcd"]
    assert "containers: 2 ended" in done.stdout
    assert "etcd: 1 ended" in done.stdout
    assert "etcd's leadership: FileNotFoundError" in done.stdout  # there are no certificates here
    assert done.returncode == 1


def test_a_runtime_that_does_not_answer_is_said_for_each_part(tmp_path: Path) -> None:
    done = leave(tmp_path, "exit 1")
    assert done.returncode == 1
    assert [line.partition(" s  ")[2].partition(":")[0] for line in done.stdout.splitlines()] == [
        "containers", "etcd's leadership", "etcd",
    ]  # fmt: skip


def test_what_does_not_end_in_its_time_is_killed_and_what_is_gone_is_not_waited_for(start: Start) -> None:
    stubborn = start("stubborn", ":")
    gone = start("gone", "exit 0")
    gone.kill()
    gone.wait()
    said = names()["end"]([stubborn.pid, gone.pid], time.monotonic() + 0.3)
    assert said.startswith("1 ended in ")
    assert said.endswith(", 1 of them killed")
    assert stubborn.wait(5) == -signal.SIGKILL


def test_where_nothing_runs_nothing_is_waited_for() -> None:
    assert names()["end"]([], time.monotonic() + 20.0) == "0 ended in 0.0 s"


def member(number: int, **differs: Any) -> dict[str, Any]:
    return {"ID": str(number), "name": f"m{number}", "clientURLs": [f"https://10.0.0.{number}:2379"]} | differs


def test_only_members_that_have_started_and_vote_may_lead() -> None:
    known = [member(1), member(2, isLearner=True), member(3, name="", clientURLs=[]), member(4, name="")]
    assert names()["voters"](known) == [("1", "https://10.0.0.1:2379")]


def follows(leader: str, index: int) -> dict[str, Any]:
    return {"leader": leader, "raftIndex": str(index)}


@pytest.mark.parametrize(
    ("statuses", "heir"),
    [
        ({"2": follows("1", 90), "3": follows("1", 100)}, "3"),
        ({"2": follows("1", 90), "3": follows("0", 100)}, "2"),  # cut off from the others
        ({"2": follows("1", 90), "3": follows("1", 100) | {"errors": ["NOSPACE"]}}, "2"),
        ({"3": follows("3", 100)}, None),
        ({}, None),
    ],
)
def test_the_member_that_has_most_of_the_log_and_no_trouble_leads_next(
    statuses: dict[str, dict[str, Any]], heir: str | None
) -> None:
    assert names()["successor"]("1", statuses) == heir


def units(answer_for: Any) -> dict[str, configparser.ConfigParser]:
    folder = "/etc/systemd/system/"
    found = {}
    for file in join_answer(answer_for, SECRETS, NOW).files:
        if file.path.startswith(folder):
            parser = configparser.ConfigParser(strict=False, interpolation=None)
            parser.optionxform = str  # type: ignore[assignment,method-assign]
            parser.read_string(file.content)
            found[file.path.removeprefix(folder)] = parser
    return found


def test_a_control_plane_machine_leaves_after_the_kubelet_and_before_what_the_control_plane_needs() -> None:
    given = units(facts(control_plane(0)))
    unit, service = given["navarch-leave.service"]["Unit"], given["navarch-leave.service"]["Service"]
    assert unit["Before"] == "kubelet.service"  # units end in the reverse order
    assert {"containerd.service", "navarch-authorizer.service", "var-lib-etcd.mount"} <= set(unit["After"].split())
    assert unit["RefuseManualStop"] == "yes"
    assert "ExecStart" not in service
    assert given["kubelet.service.d/40-leave.conf"]["Unit"]["Wants"] == "navarch-leave.service"


def test_its_parts_fit_into_the_units_time_and_that_into_novas() -> None:
    program, service = names(), units(facts(control_plane(0)))["navarch-leave.service"]["Service"]
    parts = program["CONTAINERS"] + 7 * program["ANSWER"] + program["MEMBER"]
    assert parts < float(service["TimeoutStopSec"]) <= 60 - 2 * 10  # the kubelet before, whatever is left after


def test_a_worker_is_left_to_its_kubelet() -> None:
    answer = join_answer(facts(worker(1), peers=(0,)), SECRETS, NOW)
    assert not any("leave" in file.path for file in answer.files)
    assert any("shutdownGracePeriod: 40s" in file.content for file in answer.files)
    plane = join_answer(facts(control_plane(0)), SECRETS, NOW)
    assert not any("shutdownGracePeriod" in file.content for file in plane.files)
