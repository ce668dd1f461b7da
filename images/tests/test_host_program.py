"""navarch-host on folders made up to look like the machines it must tell apart."""

import json
import os
import subprocess
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(str(resources.files("navarch_images").joinpath("rootfs/usr/local/sbin/navarch-host")))
ALL_CAPABILITIES = 0x1FFFFFFFFFF
SYS_RESOURCE = 1 << 24
SYSCTLS = {
    "vm/overcommit_memory": "0",
    "vm/panic_on_oom": "0",
    "kernel/panic": "0",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


@dataclass
class Machine:
    folder: Path

    def run(self) -> None:
        folder = self.folder
        environment = {
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "NAVARCH_PROC": str(folder / "proc"),
            "NAVARCH_CGROUP": str(folder / "cgroup"),
            "NAVARCH_ROOT": str(folder / "root"),
        }
        subprocess.run(["sh", str(PROGRAM)], env=environment, check=True)

    @property
    def facts(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "root/run/navarch/host.json").read_text()))

    @property
    def containerd(self) -> dict[str, Any]:
        text = (self.folder / "root/run/navarch/containerd.d/host.toml").read_text()
        return dict(tomllib.loads(text)["plugins"]["io.containerd.cri.v1.runtime"])

    @property
    def kubelet(self) -> str:
        return (self.folder / "root/etc/kubernetes/kubelet.conf.d/10-host.conf").read_text()

    @property
    def mounts(self) -> list[str]:
        log = self.folder / "mounts"
        return log.read_text().splitlines() if log.exists() else []


def machine(folder: Path, *, container: bool, cgroup_version: int, capabilities: int = ALL_CAPABILITIES) -> Machine:
    programs = folder / "bin"
    programs.mkdir()
    (programs / "systemd-detect-virt").write_text(f"#!/bin/sh\nexit {0 if container else 1}\n")
    (programs / "mount").write_text(f'#!/bin/sh\necho "$*" >> {folder / "mounts"}\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    (folder / "proc/self").mkdir(parents=True)
    (folder / "proc/self/status").write_text(f"Name:\tsh\nCapInh:\t0\nCapEff:\t{capabilities:016x}\n")
    for name, value in SYSCTLS.items():
        path = folder / "proc/sys" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value + "\n")
    (folder / "cgroup").mkdir()
    if cgroup_version == 2:
        (folder / "cgroup/cgroup.controllers").touch()
    else:
        for controller in ("memory", "cpu", "unified"):
            (folder / "cgroup" / controller).mkdir()
        (folder / "cgroup/cpuacct").symlink_to("cpu")
    return Machine(folder)


def test_on_a_virtual_machine_nothing_is_mounted_and_systemd_drives_cgroups(tmp_path: Path) -> None:
    vm = machine(tmp_path, container=False, cgroup_version=2)
    vm.run()
    assert vm.facts == {"container": False, "cgroup_driver": "systemd", "cgroup_version": 2}
    runc = vm.containerd["containerd"]["runtimes"]["runc"]
    assert runc["options"] == {"SystemdCgroup": True}
    assert "privileged_without_host_devices" not in runc
    assert "restrict_oom_score_adj" not in vm.containerd
    assert "cgroupDriver: systemd" in vm.kubelet
    assert "failCgroupV1" not in vm.kubelet
    assert "failSwapOn" not in vm.kubelet
    assert vm.mounts == []


def test_in_a_container_with_cgroup_v1_cgroups_become_writable_and_mounts_shared(tmp_path: Path) -> None:
    nspawn = machine(tmp_path, container=True, cgroup_version=1)
    nspawn.run()
    assert nspawn.facts == {"container": True, "cgroup_driver": "cgroupfs", "cgroup_version": 1}
    remounted = [line.rsplit("/", 1)[1] for line in nspawn.mounts if line.startswith("-o remount,rw,bind")]
    assert remounted == ["cpu", "memory", "unified"]
    assert "--make-rshared /" in nspawn.mounts
    runc = nspawn.containerd["containerd"]["runtimes"]["runc"]
    assert runc["options"] == {"SystemdCgroup": False}
    assert runc["privileged_without_host_devices"] is True
    assert "failCgroupV1: false" in nspawn.kubelet
    assert "failSwapOn: false" in nspawn.kubelet


def test_only_settings_the_kubelet_would_refuse_are_covered_and_the_hosts_stay(tmp_path: Path) -> None:
    nspawn = machine(tmp_path, container=True, cgroup_version=1)
    nspawn.run()
    covered = {line.split()[2].removeprefix(f"{tmp_path}/proc/sys/") for line in nspawn.mounts if "--bind" in line}
    assert covered == {"vm/overcommit_memory", "kernel/panic"}
    assert (tmp_path / "root/run/navarch/sysctl/kernel.panic").read_text() == "10\n"
    assert (tmp_path / "proc/sys/kernel/panic").read_text() == "0\n"


@pytest.mark.parametrize(
    ("capabilities", "restricted"), [(ALL_CAPABILITIES, False), (ALL_CAPABILITIES ^ SYS_RESOURCE, True)]
)
def test_without_the_right_to_lower_oom_scores_containerd_does_not_try(
    tmp_path: Path, capabilities: int, restricted: bool
) -> None:
    nspawn = machine(tmp_path, container=True, cgroup_version=1, capabilities=capabilities)
    nspawn.run()
    assert nspawn.containerd.get("restrict_oom_score_adj", False) is restricted


def test_cgroups_that_outlived_a_reboot_are_removed_unless_something_is_in_them(tmp_path: Path) -> None:
    nspawn = machine(tmp_path, container=True, cgroup_version=1)
    left, used = (tmp_path / "cgroup/memory/kubepods/burstable" / name for name in ("left", "used"))
    left.mkdir(parents=True)
    used.mkdir()
    (used / "process").touch()  # rmdir refuses it, as the kernel does for a cgroup with a process
    nspawn.run()
    assert not left.exists()
    assert used.exists()
    assert nspawn.facts["container"] is True


def test_it_may_run_again(tmp_path: Path) -> None:
    nspawn = machine(tmp_path, container=True, cgroup_version=1)
    nspawn.run()
    first = nspawn.facts
    nspawn.run()
    assert nspawn.facts == first


def test_what_every_container_and_unit_needs_is_in_the_overlay() -> None:
    root = Path(str(resources.files("navarch_images").joinpath("rootfs")))
    config = tomllib.loads((root / "etc/containerd/config.toml").read_text())
    assert config["imports"] == ["/run/navarch/containerd.d/*.toml"]
    kubelet = (root / "etc/systemd/system/kubelet.service").read_text()
    assert "--config-dir=/etc/kubernetes/kubelet.conf.d" in kubelet
    assert "EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env" in kubelet
    assert "EnvironmentFile=-/etc/default/kubelet" in kubelet


def test_the_kubelets_settings_are_readable_by_root_alone(tmp_path: Path) -> None:
    host = machine(tmp_path, container=False, cgroup_version=2)
    host.run()
    settings = tmp_path / "root/etc/kubernetes/kubelet.conf.d/10-host.conf"
    assert settings.stat().st_mode & 0o777 == 0o600
