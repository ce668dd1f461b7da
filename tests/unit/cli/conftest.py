"""Run command lines against a server on the loopback interface; clusters and machines as the service answers them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from tests.unit.cli.cli_service import Ran, Service, serving

from navarch.cli.main import main
from navarch.client.shapes import Machine

CREATED = "2026-03-01T12:00:00Z"


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as made:
        yield made


@pytest.fixture
def navarch(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    """Run `navarch` with the words given, in an empty folder, against the server, as a cloud without Keystone."""
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text(f"clouds: {{here: {{auth_type: none, auth: {{endpoint: '{service.address}'}}}}}}\n")
    for name in ("OS_CLOUD", "OS_AUTH_URL", "OS_AUTH_TYPE", "OS_CACERT", "OS_REGION_NAME", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(clouds))
    monkeypatch.setenv("NAVARCH_ENDPOINT", service.address)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("navarch.client.follow._POLL_SECONDS", 0.01)
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Ran:
        code = main(words)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


def _condition(type_: str, status: str, reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    return {
        "type": type_, "status": status, "reason": reason, "message": message, "responsible": None, "remedy": None,
        "last_transition_at": "2026-03-01T12:00:50Z", "observed_generation": 1, **more,
    }  # fmt: skip


@pytest.fixture
def condition() -> Callable[..., dict[str, Any]]:
    return _condition


@pytest.fixture
def cluster() -> Callable[..., dict[str, Any]]:
    """A cluster as the service answers it."""

    def make(phase: str = "Ready", *conditions: dict[str, Any], **status: Any) -> dict[str, Any]:
        done = phase == "Ready"
        found = list(conditions) or [_condition("Ready", "True" if done else "False", "AllMachinesReady")]
        return {
            "id": "0d5a2f0e-0000-4000-8000-000000000001", "name": "shop", "project_id": "p1",
            "region": "RegionOne", "labels": {"team": "red"},
            "generation": 1, "created_at": CREATED, "updated_at": CREATED, "deletion_requested_at": None,
            "spec": {
                "kubernetes_version": "1.37.2", "paused": False, "ssh_keys": [],
                "network": {"external_network": "public", "node_cidr": "10.0.0.0/24", "pod_cidr": "10.100.0.0/16",
                            "service_cidr": "10.254.0.0/16", "api_allowed_cidrs": []},
                "control_plane": {"replicas": 1, "flavor": "c1.small", "zones": ["z1"],
                                  "etcd_volume": {"type": "ssd", "size_gib": 10}},
            },
            "status": {
                "observed_generation": 1 if done else 0, "phase": phase,
                "api_url": "https://198.51.100.23:6443" if done else None,
                "kubernetes_version": "1.37.2" if done else None,
                "machines": {"desired": 3, "ready": 3 if done else 0}, "conditions": found,
                "ready_at": "2026-03-01T12:01:10Z" if done else None, **status,
            },
        }  # fmt: skip

    return make


@pytest.fixture
def machine() -> Callable[..., Machine]:
    """A machine as the service answers it."""

    def make(name: str = "shop-0d5a2f0e-cp-0", joined: bool = True, **more: Any) -> Machine:
        phases = [
            {"step": "FormatEtcdDisk", "state": "done", "at": "2026-03-01T12:00:22Z", "seconds": 2.0, "log": ""},
            {"step": "KubeadmInit", "state": "done", "at": "2026-03-01T12:00:40Z", "seconds": 18.0, "log": ""},
        ]
        found = {
            "name": name, "role": "control-plane", "group": "", "serial": 0, "zone": "z1", "flavor": "c1.small",
            "joined": joined, "removing": False, "created_at": "2026-03-01T12:00:01Z", "addresses": ["10.0.0.5"],
            "boot": phases, **more,
        }  # fmt: skip
        return cast(Machine, found)

    return make
