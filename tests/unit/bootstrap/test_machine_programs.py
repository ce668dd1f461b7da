"""The programs that a machine is given, run here on files of their own."""

import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

MACHINE = files("navarch.bootstrap") / "machine"
VOLUME = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
ADMINISTRATORS_PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"


def run(program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(MACHINE / program), *arguments],
        env={"PATH": ADMINISTRATORS_PATH} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture()
def disk(tmp_path: Path) -> Path:
    """A blank disk of 16 MiB, named as a guest sees the volume."""
    path = tmp_path / f"virtio-{VOLUME[:20]}"
    with path.open("wb") as file:
        file.truncate(16 << 20)
    return path


def etcd_disk(occasion: str, disk: Path) -> subprocess.CompletedProcess[str]:
    """Runs it with a `mount` that only notes what it was asked for."""
    folder = disk.parent
    program(folder / "bin", "mount", f'echo "$*" >> {folder}/mounts')
    return run(
        "etcd-disk",
        occasion,
        VOLUME,
        NAVARCH_DISKS=str(folder),
        NAVARCH_MOUNT_POINT=str(folder / "etcd"),
        PATH=f"{folder}/bin:{ADMINISTRATORS_PATH}",
    )


def file_system_id(disk: Path) -> bytes:
    """Random, chosen when an ext4 file system is made."""
    return disk.read_bytes()[1024 + 0x68 :][:16]


def test_a_blank_disk_is_formatted_and_mounted(disk: Path) -> None:
    done = etcd_disk("first", disk)
    assert done.returncode == 0, done.stderr
    assert "made a file system" in done.stdout
    assert disk.read_bytes()[1080:1082] == b"\x53\xef"  # ext4's magic
    options = "-t ext4 -o noatime,nodev,nosuid,noexec"
    assert (disk.parent / "mounts").read_text() == f"{options} {disk} {disk.parent}/etcd\n"


@pytest.mark.parametrize("occasion", ["first", "mount"])
def test_a_disk_with_data_keeps_it(disk: Path, occasion: str) -> None:
    etcd_disk("first", disk)
    before = file_system_id(disk)
    done = etcd_disk(occasion, disk)
    assert done.returncode == 0, done.stderr
    assert "kept" in done.stdout
    assert file_system_id(disk) == before
    assert len((disk.parent / "mounts").read_text().splitlines()) == 2


@pytest.mark.parametrize("occasion", ["first", "mount"])
@pytest.mark.parametrize(("offset", "content"), [(0, b"XFSB"), (65600, b"_BHRfS_M"), (300_000, b"somebody's data")])
def test_a_disk_with_anything_else_on_it_is_left_alone(disk: Path, occasion: str, offset: int, content: bytes) -> None:
    with disk.open("r+b") as file:
        file.seek(offset)
        file.write(content)
    before = disk.read_bytes()
    done = etcd_disk(occasion, disk)
    assert done.returncode == 1
    assert VOLUME in done.stderr
    assert disk.read_bytes() == before
    assert not (disk.parent / "mounts").exists()


def test_a_blank_disk_is_neither_mounted_nor_formatted_at_boot(disk: Path) -> None:
    done = etcd_disk("mount", disk)
    assert done.returncode == 1
    assert "will not use" in done.stderr
    assert not any(disk.read_bytes())
    assert not (disk.parent / "mounts").exists()


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


MANIFEST = """apiVersion: v1
kind: Pod
metadata:
  annotations:
    kubeadm.kubernetes.io/x: y
  labels:
    component: {component}
    tier: control-plane
  name: {component}
spec:
  containers: []
"""
COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


def test_renewal_restarts_the_static_pods_in_order_each_when_the_last_is_healthy(tmp_path: Path) -> None:
    (tmp_path / "etc/kubernetes/navarch").mkdir(parents=True)
    manifests = tmp_path / "etc/kubernetes/manifests"
    manifests.mkdir()
    for component in COMPONENTS:
        (manifests / f"{component}.yaml").write_text(MANIFEST.format(component=component))
    log = tmp_path / "log"
    program(tmp_path / "bin", "kubeadm", f'echo "kubeadm $*" >> {log}')
    program(tmp_path / "bin", "sleep", "")
    program(
        tmp_path / "usr/local/lib/navarch",
        "wait-for-api",
        f'echo "$(grep -l renewed {manifests}/* | wc -l) renewed, waits for $1" >> {log}',
    )
    for _ in range(2):  # a second renewal replaces the mark of the first
        done = run(
            "renew-certificates",
            "https://10.0.0.10:6443",
            "init.yaml",
            NAVARCH_ROOT=str(tmp_path),
            PATH=f"{tmp_path}/bin:{ADMINISTRATORS_PATH}",
        )
        assert done.returncode == 0, done.stderr
    assert log.read_text().splitlines()[:5] == [
        "kubeadm certs renew all --config init.yaml",
        *(f"{count} renewed, waits for https://10.0.0.10:6443/livez" for count in (1, 2, 3, 4)),
    ]
    for component in COMPONENTS:
        lines = (manifests / f"{component}.yaml").read_text().splitlines()
        assert [line.partition(":")[0] for line in lines].count("    navarch.io/renewed") == 1
        assert [line for line in lines if "renewed" not in line] == MANIFEST.format(component=component).splitlines()
    assert sorted(path.name for path in manifests.iterdir()) == sorted(f"{name}.yaml" for name in COMPONENTS)


def test_a_renewal_that_fails_restarts_nothing(tmp_path: Path) -> None:
    program(tmp_path / "bin", "kubeadm", "exit 1")
    manifests = tmp_path / "etc/kubernetes/manifests"
    manifests.mkdir(parents=True)
    (manifests / "etcd.yaml").write_text(MANIFEST)
    done = run(
        "renew-certificates",
        "https://x",
        "init.yaml",
        NAVARCH_ROOT=str(tmp_path),
        PATH=f"{tmp_path}/bin:{ADMINISTRATORS_PATH}",
    )
    assert done.returncode != 0
    assert (manifests / "etcd.yaml").read_text() == MANIFEST


# What join reads in the cluster, this machine has written from its own file before.
JOINS = [
    "init phase kubeconfig super-admin --config init.yaml",
    "init phase upload-config all --config init.yaml --kubeconfig /etc/kubernetes/super-admin.conf",
    "join --config join.yaml",
]


@pytest.mark.parametrize(
    ("member_kept", "api_answers", "kubeadm"),
    [
        (False, True, JOINS),
        (False, False, JOINS),  # fails and is tried again: a new member needs the others
        (True, True, JOINS),
        (True, False, ["init --config init.yaml --skip-token-print"]),
    ],
)
def test_a_member_whose_data_is_kept_starts_without_an_api_that_is_silent(
    tmp_path: Path, member_kept: bool, api_answers: bool, kubeadm: list[str]
) -> None:
    program(tmp_path / "bin", "kubeadm", f'echo "$*" >> {tmp_path}/asked')
    program(tmp_path / "programs", "wait-for-api", "exit 0" if api_answers else "exit 124")
    kept = tmp_path / "wal"
    if member_kept:
        kept.mkdir()
    done = run(
        "join-control-plane", "init.yaml", "join.yaml", str(kept), "https://x",
        PATH=f"{tmp_path}/bin:{ADMINISTRATORS_PATH}", NAVARCH_PROGRAMS=str(tmp_path / "programs"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "asked").read_text().splitlines() == kubeadm


def test_nobody_waits_for_an_api_where_a_members_data_is_kept(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(MACHINE / "wait-for-api"), "https://10.0.0.10:6443/", "--unless", str(tmp_path)],
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert (done.returncode, "no need to wait" in done.stdout) == (0, True), done.stderr


@pytest.mark.parametrize(
    ("node", "anew"),
    [
        ("cp-0=openstack:///an-earlier-server", True),
        ("", True),  # the cloud controller was faster, or kubeadm has not marked it
        ("cp-0=openstack:///this-server", False),
        ("cp-0=openstack://region/this-server", False),
        ("cp-0=", False),
    ],
)
def test_the_node_of_an_earlier_machine_is_made_anew(tmp_path: Path, node: str, anew: bool) -> None:
    (tmp_path / "var/lib/cloud/data").mkdir(parents=True)
    (tmp_path / "var/lib/cloud/data/instance-id").write_text("this-server\n")
    log = tmp_path / "log"
    program(
        tmp_path / "bin",
        "kubectl",
        f'case "$*" in *" get "*) printf %s "{node}";; *) echo "kubectl ${{5}} $6 $7" >> {log};; esac',
    )
    for name in ("systemctl", "kubeadm"):
        program(tmp_path / "bin", name, f'echo "{name} $*" >> {log}')
    program(tmp_path / "usr/local/lib/navarch", "wait-for-api", f'echo "wait-for-api $*" >> {log}')
    done = run(
        "own-node", "cp-0", "https://10.0.0.10:6443", "init.yaml",
        NAVARCH_ROOT=str(tmp_path), PATH=f"{tmp_path}/bin:{ADMINISTRATORS_PATH}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    asked = [
        "kubectl delete node cp-0",
        "systemctl restart kubelet.service",
        "wait-for-api https://10.0.0.10:6443/api/v1/nodes/cp-0",
        "kubeadm init phase mark-control-plane --config init.yaml",
    ]
    assert (log.read_text().splitlines() if log.exists() else []) == (asked if anew else [])


@pytest.mark.parametrize(
    "name", ["prepare-machine", "etcd-disk", "join-control-plane", "own-node", "renew-certificates", "finish-machine"]
)
def test_shell_programs_are_sound(name: str) -> None:
    dash = shutil.which("dash") or "sh"  # what /bin/sh is on the node
    assert subprocess.run([dash, "-n", str(MACHINE / name)], check=False).returncode == 0


def test_the_waiting_program_is_sound() -> None:
    compile((MACHINE / "wait-for-api").read_text(), "wait-for-api", "exec")
