"""How disks are named, remembered and shown."""

import os
from pathlib import Path

import pytest

from navarch_lab_plugins.disks import Disk, Disks, by_id, device_number, hide_script, show_script

VOLUME = "0f8fad5b-d9cb-469f-a165-70867728950e"
ROOT = Disk("", "/dev/vda", "/disks/root.raw", 7, 1)
DATA = Disk(VOLUME, "/dev/vdb", "/volumes/volume-1", 7, 2)


def test_a_link_holds_the_first_20_characters_of_the_volume_id_as_virtio_allows_no_more() -> None:
    assert by_id(VOLUME) == "/dev/disk/by-id/virtio-0f8fad5b-d9cb-469f-a"


def test_a_volume_is_shown_as_a_node_and_a_relative_link() -> None:
    assert show_script([DATA]).splitlines() == [
        "mkdir -p /dev/disk/by-id",
        "rm -f /dev/vdb; mknod -m 660 /dev/vdb b 7 2",
        "ln -sfn ../../vdb /dev/disk/by-id/virtio-0f8fad5b-d9cb-469f-a",
    ]


def test_the_root_disk_has_no_serial_number_and_so_no_link() -> None:
    assert "ln " not in show_script([ROOT])
    assert hide_script(ROOT) == "rm -f /dev/vda\n"


def test_hiding_takes_the_link_too() -> None:
    assert hide_script(DATA) == "rm -f /dev/vdb /dev/disk/by-id/virtio-0f8fad5b-d9cb-469f-a\n"


def test_a_table_survives_the_process_that_wrote_it(tmp_path: Path) -> None:
    Disks(tmp_path).put(DATA)
    Disks(tmp_path).put(ROOT)
    assert Disks(tmp_path).all() == [ROOT, DATA]


def test_a_machine_without_a_table_has_no_disks(tmp_path: Path) -> None:
    assert Disks(tmp_path).all() == []


def test_attaching_twice_keeps_one_entry_with_the_newer_loop_device(tmp_path: Path) -> None:
    disks = Disks(tmp_path)
    disks.put(DATA)
    newer = Disk(VOLUME, "/dev/vdb", "/volumes/volume-1", 7, 9)
    disks.put(newer)
    assert disks.all() == [newer]


def test_taking_a_disk_returns_it_once(tmp_path: Path) -> None:
    disks = Disks(tmp_path)
    disks.put(ROOT)
    disks.put(DATA)
    assert disks.take(DATA.file) == DATA
    assert disks.take(DATA.file) is None
    assert disks.all() == [ROOT]


@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero"])
def test_device_numbers_are_those_of_the_node(device: str) -> None:
    number = Path(device).stat().st_rdev
    assert device_number(device) == (os.major(number), os.minor(number))
