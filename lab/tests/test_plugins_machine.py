"""What a machine is told and how it is found again. Nothing here starts one."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from navarch_lab_plugins import faults, machine
from navarch_lab_plugins.commands import CommandFailed
from navarch_lab_plugins.machine import Machine, flavor_meminfo, machines, meminfo_script
from navarch_lab_plugins.network import Switch
from navarch_lab_plugins.record import Record

UUID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
SWITCH = Switch("false", "")
HOST_MEMINFO = """\
MemTotal:       24684084 kB
MemFree:        15271000 kB
MemAvailable:   23306000 kB
Buffers:          100000 kB
Cached:          8000000 kB
SwapCached:            0 kB
SwapTotal:       1048576 kB
SwapFree:        1048576 kB
HugePages_Total:       0
Hugepagesize:       2048 kB
"""


def record(uuid: str = UUID, host: str = "cmp1", display_name: str = "web-1") -> Record:
    names = ("instance-0000002a", display_name, "web-1", "p1")
    return Record(uuid, host, *names, 2, 2048, 20, "img", f"/disks/{uuid}.raw", "navarch-lab")


def test_meminfo_shows_the_flavors_memory_and_no_swap() -> None:
    lines = flavor_meminfo(HOST_MEMINFO, 2048).splitlines()
    assert "MemTotal:        2097152 kB" in lines
    assert "SwapTotal:             0 kB" in lines
    assert "Hugepagesize:       2048 kB" in lines
    assert len(lines) == len(HOST_MEMINFO.splitlines())


def test_free_memory_is_never_more_than_all_memory() -> None:
    told = dict(line.split(":") for line in flavor_meminfo(HOST_MEMINFO, 512).splitlines())
    kib = {key: int(value.split()[0]) for key, value in told.items()}
    assert kib["MemFree"] < kib["MemAvailable"] < kib["MemTotal"] == 512 * 1024


def test_the_meminfo_script_carries_it_whole_and_mounts_it_once() -> None:
    script = meminfo_script("MemTotal: 1 kB\n")
    assert "MemTotal: 1 kB\nend of meminfo\n" in script
    assert "|| mount" in script


def test_a_record_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    record().save(tmp_path / UUID)
    assert Record.load(tmp_path / UUID) == record()
    assert json.loads((tmp_path / UUID / "meta.json").read_text())["display_name"] == "web-1"


def test_a_folder_without_a_record_is_no_machine(tmp_path: Path) -> None:
    (tmp_path / "lost").mkdir()
    (tmp_path / "_images").write_text("")
    assert list(machines(tmp_path, SWITCH)) == []
    assert list(machines(tmp_path / "absent", SWITCH)) == []


def test_machines_are_listed_by_compute_host(tmp_path: Path) -> None:
    for uuid, host in (("a" * 36, "cmp1"), ("b" * 36, "cmp2"), ("c" * 36, "cmp1")):
        record(uuid, host).save(tmp_path / uuid)
    assert [m.uuid[0] for m in machines(tmp_path, SWITCH, "cmp1")] == ["a", "c"]
    assert [m.uuid[0] for m in machines(tmp_path, SWITCH)] == ["a", "b", "c"]


def test_a_machine_that_was_never_started_does_not_run(tmp_path: Path) -> None:
    machine = Machine(tmp_path, UUID, SWITCH)
    assert machine.pids() == (0, 0)
    assert not machine.running()
    assert machine.init() == 0


def test_a_pid_that_now_belongs_to_another_program_is_not_taken_for_the_machine(tmp_path: Path) -> None:
    machine = Machine(tmp_path, UUID, SWITCH)
    record().save(machine.folder)
    (machine.folder / "pids").write_text(f"{os.getpid()} {os.getpid()}\n")
    assert not machine.running()


@pytest.mark.parametrize("text", ["", "12", "12 thirteen", "1 2 3"])
def test_a_torn_pid_file_means_not_running(tmp_path: Path, text: str) -> None:
    machine = Machine(tmp_path, UUID, SWITCH)
    machine.folder.mkdir()
    (machine.folder / "pids").write_text(text)
    assert not machine.running()


def test_the_console_is_cut_to_its_end(tmp_path: Path) -> None:
    machine = Machine(tmp_path, UUID, SWITCH)
    assert machine.console_end() == ""
    machine.folder.mkdir()
    machine.console.write_text("a" * 50 + "the end")
    assert machine.console_end(7) == "the end"


def test_the_command_boots_the_machine_in_its_own_network_with_the_flavors_name(tmp_path: Path) -> None:
    machine = Machine(tmp_path, UUID, SWITCH)
    words = machine._command(record())
    assert words[0] == "systemd-nspawn"
    assert f"--directory={tmp_path / UUID / 'root'}" in words
    assert "--network-namespace-path=/run/netns/nv-6ba7b810-9dad" in words
    assert "--hostname=web-1" in words
    assert "--keep-unit" in words


def test_a_fault_finds_its_machine_by_name_or_by_the_beginning_of_its_uuid(tmp_path: Path) -> None:
    record().save(tmp_path / UUID)
    record("7" + UUID[1:], display_name="web-2").save(tmp_path / ("7" + UUID[1:]))
    assert faults._find(tmp_path, "web-2")[1].uuid[0] == "7"
    assert faults._find(tmp_path, "6ba7")[1].display_name == "web-1"


def test_a_fault_refuses_a_name_that_means_none_or_several(tmp_path: Path) -> None:
    record().save(tmp_path / UUID)
    record("7" + UUID[1:]).save(tmp_path / ("7" + UUID[1:]))
    with pytest.raises(faults.NoSuchMachine, match="2 machines"):
        faults.power_cut(tmp_path, "web-1")
    with pytest.raises(faults.NoSuchMachine, match="0 machines"):
        faults.power_cut(tmp_path, "db-1")


def test_a_host_lists_its_machines_and_whether_they_run(tmp_path: Path) -> None:
    record().save(tmp_path / UUID)
    assert list(faults.on_host(tmp_path, "cmp1")) == [(record(), False)]
    assert list(faults.on_host(tmp_path, "cmp2")) == []


def test_the_supervisor_never_shows_half_of_what_it_tells(tmp_path: Path) -> None:
    """A reader that came between the file's opening and its filling once took a starting machine for a dead one."""
    supervise = Path(faults.__file__).parent / "supervise.sh"
    os.mkfifo(tmp_path / "pids")  # to write into it would wait for a reader; to replace it does not
    (tmp_path / "cgroups").touch()
    ended = subprocess.run(
        ["sh", str(supervise), str(tmp_path), "/dev/null", "no-such-option"],
        capture_output=True,
        timeout=10,
        check=False,
    )
    assert ended.returncode == 1  # nothing to mount
    assert (tmp_path / "pids").read_text().split()[1] == "0"


class Guest:
    """A machine that runs, and how it takes being asked to shut down."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, obeys: bool = True, deaf: int = 0) -> None:
        self.machine = Machine(folder, UUID, SWITCH)
        self.happened: list[str] = []
        self._on, self._obeys, self._deaf = True, obeys, deaf
        monkeypatch.setattr(Machine, "running", lambda _: self._on)
        monkeypatch.setattr(Machine, "init", lambda _: 4242)
        monkeypatch.setattr(machine, "run", self._asked)
        monkeypatch.setattr(os, "kill", lambda pid, number: self.happened.append(f"signal to {pid}"))
        monkeypatch.setattr(Machine, "power_cut", lambda _: self.happened.append("power cut"))

    def _asked(self, *words: str, timeout: float) -> str:
        self.happened.append(" ".join(words[-2:]))
        if self._deaf:
            self._deaf -= 1
            raise CommandFailed(words, 1, "Failed to connect to bus")
        self._on = not self._obeys
        return ""


def test_a_machine_that_shuts_itself_down_is_waited_for_and_what_is_left_is_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = Guest(tmp_path, monkeypatch)
    guest.machine.stop(60)
    assert guest.happened == ["systemctl poweroff", "power cut"]


def test_a_machine_that_does_not_go_has_its_power_cut_after_its_time_and_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked twice, systemd would no longer wait for the kubelet to end its pods."""
    guest = Guest(tmp_path, monkeypatch, obeys=False)
    began = time.monotonic()
    guest.machine.stop(0.4, ask_again=0.1)
    assert 0.4 <= time.monotonic() - began < 5
    assert guest.happened == ["systemctl poweroff", "power cut"]


def test_a_machine_that_is_starting_is_asked_until_it_understands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = Guest(tmp_path, monkeypatch, deaf=1)
    guest.machine.stop(30, ask_again=1)
    assert guest.happened == ["systemctl poweroff", "signal to 4242", "systemctl poweroff", "power cut"]


def test_a_machine_that_is_deleted_or_loses_its_power_is_asked_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = Guest(tmp_path, monkeypatch)
    guest.machine.stop()
    assert guest.happened == ["power cut"]
