"""What the node image's own files promise, read as systemd and the kubelet read them."""

import configparser
from importlib import resources
from pathlib import Path

from navarch_images import tree
from navarch_images.glance import properties
from navarch_images.release import find, known

ROOTFS = Path(str(resources.files("navarch_images").joinpath("rootfs")))


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(ROOTFS / "etc/systemd/system" / name)
    return parser


def test_no_kubelet_runs_where_the_metadata_guard_could_not_be_set_up() -> None:
    guard = unit("navarch-metadata-guard.service")
    assert guard["Install"]["RequiredBy"] == "kubelet.service"
    assert "kubelet.service" in guard["Unit"]["Before"].split()
    assert "navarch-metadata-guard.service" in tree._ENABLED


def test_every_node_keeps_time() -> None:
    assert "systemd-timesyncd.service" in tree._ENABLED
    assert set(tree._ENABLED) & set(tree._MASKED) == set()
    for version in known():
        assert "systemd-timesyncd" in find(version).node_packages
    # Servers that DHCP names are used: networkd does so unless it is told not to.
    for file in (ROOTFS / "etc/systemd/network").iterdir():
        assert "UseNTP" not in file.read_text()


def test_a_units_file_that_cis_wants_private_is_readable_by_root_alone(tmp_path: Path) -> None:
    tree._lay_over(resources.files("navarch_images").joinpath("rootfs"), tmp_path)
    assert (tmp_path / "etc/systemd/system/kubelet.service").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "etc/systemd/system/containerd.service").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "usr/local/sbin/navarch-host").stat().st_mode & 0o777 == 0o755


def settings(folder: str, section: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(ROOTFS / "etc/systemd" / folder / "90-navarch.conf")
    return parser[section]


def test_a_machine_that_is_shut_down_is_off_before_nova_cuts_its_power() -> None:
    facts = dict.fromkeys(("bundle", "components", "built", "digest"), "")
    nova = float(properties(find(known()[-1]), facts)["os_shutdown_timeout"])
    pods = float(settings("logind.conf.d", "Login")["InhibitDelayMaxSec"].removesuffix("s"))
    left = float(settings("system.conf.d", "Manager")["DefaultTimeoutStopSec"].removesuffix("s"))
    assert pods >= 40  # what Navarch tells a worker's kubelet to take
    assert pods + left < nova
