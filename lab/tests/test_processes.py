"""A process is known by PID and start time, stopped with all it started, and never mistaken for another."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from navarch_lab import cgroups, processes
from navarch_lab.processes import Record

# Services outlive the command that started them, so nobody waits for them.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")


@pytest.fixture(autouse=True)
def no_cgroups(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without a cgroup2 tree; these tests must not touch the real one."""
    monkeypatch.setattr(cgroups, "tree", lambda: None)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Record]]:
    records: list[Record] = []

    def start_shell(script: str) -> Record:
        record = processes.start(
            "service",
            ["/bin/sh", "-c", script],
            environment={"PATH": os.environ["PATH"]},
            folder=tmp_path,
            log=tmp_path / "log" / "service.log",
            records=tmp_path,
        )
        records.append(record)
        return record

    yield start_shell
    for record in records:
        for pid in processes.everything_of("service", record):
            processes.kill(pid)


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, "did not come true"
        time.sleep(0.01)


def test_a_started_process_is_alive_and_its_record_is_on_disk_for_root_alone(
    start: Callable[[str], Record], tmp_path: Path
) -> None:
    record = start("sleep 60")
    assert processes.alive(record)
    assert processes.read(tmp_path / "service.json") == record
    assert (tmp_path / "service.json").stat().st_mode & 0o777 == 0o600


def test_the_same_pid_with_another_start_time_is_somebody_else(start: Callable[[str], Record]) -> None:
    record = start("sleep 60")
    other = Record(record.pid, record.start_time - 1, record.log)
    assert not processes.alive(other)
    assert processes.stop("service", other, grace=0.1)
    assert processes.alive(record), "a process that was not ours was stopped"


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen(["/bin/true"])
    until(lambda: processes.start_time(child.pid) is None)
    assert not processes.alive(Record(child.pid, 1, ""))
    child.wait()


def test_output_goes_to_the_log_and_the_environment_is_only_what_was_given(
    start: Callable[[str], Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_PASSWORD", "must-not-leak")
    start("echo out; echo err >&2; env; echo end")
    log = tmp_path / "log" / "service.log"
    until(lambda: "end" in log.read_text())
    words = log.read_text()
    assert "out" in words
    assert "err" in words
    assert "OS_PASSWORD" not in words
    assert "LAB_" not in words


def test_a_polite_process_ends_by_itself(start: Callable[[str], Record]) -> None:
    record = start("exec sleep 60")
    assert processes.stop("service", record, grace=5)
    assert not processes.alive(record)


def test_a_deaf_process_is_killed_with_its_children(start: Callable[[str], Record], tmp_path: Path) -> None:
    record = start("trap '' TERM; sleep 61 & echo $! > child; while :; do sleep 0.1; done")
    until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text().strip() != "")
    child = int((tmp_path / "child").read_text())
    assert child in processes.everything_of("service", record)
    assert not processes.stop("service", record, grace=0.2)
    assert not processes.alive(record)
    until(lambda: processes.start_time(child) is None)


def test_memory_of_a_process_that_has_gone_counts_nothing(start: Callable[[str], Record]) -> None:
    record = start("exec sleep 60")
    assert processes.memory_pss([record.pid]) > 0
    os.kill(record.pid, signal.SIGKILL)
    until(lambda: not processes.alive(record))
    assert processes.memory_pss([record.pid]) == 0


def test_a_record_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('{"pid": 1')
    (tmp_path / "strange.json").write_text('{"pid": 1}')
    assert processes.read(tmp_path / "broken.json") is None
    assert processes.read(tmp_path / "strange.json") is None
    assert processes.read(tmp_path / "missing.json") is None


def test_the_cgroup2_tree_is_found_wherever_it_is_mounted() -> None:
    mounts = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n"
    assert cgroups.mount_points(mounts) == []
    hybrid = mounts + "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
    assert cgroups.mount_points(hybrid) == [Path("/sys/fs/cgroup/unified")]


def test_a_process_that_goes_first_is_like_all_others_once_it_is_settled(tmp_path: Path) -> None:
    record = processes.start(
        "first",
        ["/bin/sh", "-c", "exec sleep 60"],
        environment={"PATH": os.environ["PATH"]},
        folder=tmp_path,
        log=tmp_path / "log",
        records=tmp_path,
        nice=5,  # the way down is open to everybody
    )
    until(lambda: os.getpriority(os.PRIO_PROCESS, record.pid) == 5)
    if os.geteuid() == 0:
        processes.settle([record.pid])
        assert os.getpriority(os.PRIO_PROCESS, record.pid) == 0
    assert processes.stop("first", record, grace=5)


def test_a_command_run_first_gives_back_its_words_and_its_exit_code() -> None:
    done = processes.run_first(
        ["/bin/sh", "-c", "echo out; echo err >&2; exit 3"], {"PATH": os.environ["PATH"]}, nice=5
    )
    assert (done.returncode, done.stdout) == (3, "out\nerr\n")
