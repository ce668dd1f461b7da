"""Names of cables, and what Open vSwitch is asked."""

from pathlib import Path

import pytest

from navarch_lab_plugins.commands import CommandFailed, run
from navarch_lab_plugins.network import Cabling, Switch, host_end, next_name


def test_the_host_end_is_named_as_nova_and_neutron_name_it() -> None:
    assert host_end("8d1f3d5c-0a2b-4c7e-9f00-123456789abc") == "tap8d1f3d5c-0a"
    assert len(host_end("8d1f3d5c-0a2b-4c7e-9f00-123456789abc")) <= 15  # the kernel's limit for an interface name


@pytest.mark.parametrize(
    ("taken", "name"),
    [(set(), "eth0"), ({"lo", "eth0"}, "eth1"), ({"lo", "eth1"}, "eth0"), ({"eth0", "eth1", "eth2"}, "eth3")],
)
def test_a_machine_names_its_interfaces_from_the_first_free_number(taken: set[str], name: str) -> None:
    assert next_name(taken) == name


def test_a_machines_namespace_is_named_after_it() -> None:
    assert Cabling("6ba7b810-9dad-11d1", "6ba7b810-9dad", Switch("false", "")).namespace == "nv-6ba7b810-9dad"


def _switch(folder: Path, answer: str) -> Switch:
    program = folder / "ovs-vsctl"
    program.write_text(f'#!/bin/sh\necho "$@" > {folder}/asked\ncat <<"end"\n{answer}\nend\n')
    program.chmod(0o755)
    return Switch(str(program), "unix:/db.sock")


def test_cables_are_found_by_the_machines_uuid(tmp_path: Path) -> None:
    switch = _switch(tmp_path, '{"data":[["tap1"],["tap2"]],"headings":["name"]}')
    assert switch.plugged("6ba7b810") == ["tap1", "tap2"]
    asked = (tmp_path / "asked").read_text()
    assert "--db=unix:/db.sock" in asked
    assert "external_ids:vm-uuid=6ba7b810" in asked


def test_a_machine_without_cables_has_none(tmp_path: Path) -> None:
    assert _switch(tmp_path, '{"data":[],"headings":["name"]}').plugged("6ba7b810") == []


def test_a_failed_command_says_what_was_run_and_what_it_said() -> None:
    with pytest.raises(CommandFailed, match="sh -c echo no such bridge >&2; exit 3: exit code 3: no such bridge"):
        run("sh", "-c", "echo no such bridge >&2; exit 3")
    assert run("sh", "-c", "echo no; exit 3", check=False) == "no"


def test_a_command_that_hangs_is_a_failed_command() -> None:
    with pytest.raises(CommandFailed, match="still running after"):
        run("sleep", "5", timeout=0.1)
