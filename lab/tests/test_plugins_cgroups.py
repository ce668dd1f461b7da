"""Limits of a flavor as cgroup files, on a tree of ordinary folders."""

import os
import subprocess
from pathlib import Path

import pytest

from navarch_lab_plugins import cgroups


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("cpu", "cpuset", "memory", "pids", "systemd", "unified"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cgroup.procs").write_text("")
    (tmp_path / "cpuset" / "cpuset.cpus").write_text("0-1\n")
    (tmp_path / "cpuset" / "cpuset.mems").write_text("0\n")
    (tmp_path / "rdma-without-procs").mkdir()
    return tmp_path


def test_a_flavor_of_two_cpus_and_two_gib_is_limited_to_both() -> None:
    assert cgroups.limits(2, 2048) == {
        "cpu/cpu.shares": "2048",
        "cpu/cpu.cfs_period_us": "100000",
        "cpu/cpu.cfs_quota_us": "200000",
        "memory/memory.limit_in_bytes": str(2 * 1024**3),
    }


def test_a_machine_gets_a_cgroup_in_every_hierarchy_and_in_the_cgroup2_tree(tree: Path) -> None:
    entries = cgroups.make("m1", 1, 512, tree)
    assert entries == [
        tree / name / "nspawn" / "m1" / "cgroup.procs"
        for name in ("cpu", "cpuset", "memory", "pids", "systemd", "unified")
    ]
    assert (tree / "memory/nspawn/m1/memory.limit_in_bytes").read_text() == str(512 << 20)


def test_all_machines_together_weigh_more_than_one_process_of_the_host(tree: Path) -> None:
    cgroups.make("m1", 1, 512, tree)
    assert int((tree / "cpu/nspawn/cpu.shares").read_text()) > 1024


def test_the_cpuset_has_processors_before_anything_enters_it(tree: Path) -> None:
    cgroups.make("m1", 1, 512, tree)
    for folder in (tree / "cpuset/nspawn", tree / "cpuset/nspawn/m1"):
        assert (folder / "cpuset.cpus").read_text() == "0-1\n"
        assert (folder / "cpuset.mems").read_text() == "0\n"
        assert (folder / "cgroup.clone_children").read_text() == "1"


def test_devices_are_left_allowed_since_a_privileged_pod_cannot_get_more_than_its_machine(tree: Path) -> None:
    (tree / "devices").mkdir()
    (tree / "devices" / "cgroup.procs").write_text("")
    cgroups.make("m1", 1, 512, tree)
    assert list((tree / "devices/nspawn/m1").iterdir()) == []


def test_a_process_that_sees_no_hierarchies_is_told_the_likely_reason(tmp_path: Path) -> None:
    with pytest.raises(cgroups.NoCgroups, match="ip netns exec"):
        cgroups.hierarchies(tmp_path / "absent")


def test_processes_are_found_in_cgroups_that_the_machine_made_itself(tree: Path) -> None:
    cgroups.make("m1", 1, 512, tree)
    (tree / "systemd/nspawn/m1/cgroup.procs").write_text("11\n12\n")
    inner = tree / "systemd/nspawn/m1/payload/init.scope"
    inner.mkdir(parents=True)
    (inner / "cgroup.procs").write_text("13\n")
    (tree / "memory/nspawn/m1/cgroup.procs").write_text("11\n0\n")
    assert cgroups.processes("m1", tree) == {11, 12, 13}


def test_processes_of_another_machine_are_not_found(tree: Path) -> None:
    cgroups.make("m1", 1, 512, tree)
    cgroups.make("m2", 1, 512, tree)
    (tree / "pids/nspawn/m2/cgroup.procs").write_text("21\n")
    assert cgroups.processes("m1", tree) == set()


def test_removal_names_what_refused(tree: Path) -> None:
    for name in ("pids", "systemd"):
        (tree / name / "nspawn/m1/inner").mkdir(parents=True)
    (tree / "systemd/nspawn/m1/inner/busy").write_text(
        ""
    )  # rmdir refuses a folder that is not empty, as cgroupfs a busy one
    assert cgroups.remove("m1", tree) == [tree / "systemd/nspawn/m1/inner", tree / "systemd/nspawn/m1"]
    assert not (tree / "pids/nspawn/m1").exists()


def test_a_process_that_ended_and_was_not_waited_for_counts_as_gone() -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert cgroups.is_zombie(child.pid)
    child.wait()
    assert cgroups.is_zombie(child.pid)
    assert not cgroups.is_zombie(os.getpid())
