"""`navarch-server forget`, as the operator types it."""

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.integration.some_values import a_cluster
from tests.integration.test_pause_commands import config as config  # the settings
from tests.integration.test_pause_commands import typed

from navarch.domain.observed import KnownObject
from navarch.domain.spec import Cluster
from navarch.domain.status import Event, Status
from navarch.store.contract import NotFound
from navarch.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres
OBJECTS = (KnownObject("load balancer", "shop-api", "lb-1"), KnownObject("Keystone user", "shop", "user-1"))


@pytest.fixture
def stuck(store: PostgresStore) -> Cluster:
    """A cluster whose deletion comes to no end, of which two objects are known."""
    made = store.create_cluster(a_cluster(project_id="alpha")).cluster
    claim = store.claim_cluster(made.id, "w", lease=60)
    assert claim is not None
    store.record(made.id, claim.token, Status(), objects=OBJECTS, look_again_after=60)
    store.add_event(made.id, Event(datetime.now(UTC), "Stuck", "the project is gone"))
    return store.request_deletion(made.id, at=datetime.now(UTC), keep_volumes=False).cluster


def forgotten(config: Path, cluster: Cluster, proof: Path) -> None:
    typed(config, "forget", cluster.id, "--reason", "project deleted", "--proof", str(proof))


def test_a_cluster_is_forgotten_and_what_stays_is_written_down(
    config: Path, store: PostgresStore, stuck: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proof = tmp_path / "proof.json"
    forgotten(config, stuck, proof)
    with pytest.raises(NotFound):
        store.cluster(stuck.id, project_id=None)
    told, written = capsys.readouterr().out, json.loads(proof.read_text())
    assert "openstack loadbalancer delete --cascade lb-1" in told and "openstack user delete user-1" in told
    assert [known["id"] for known in written["stays"]] == ["lb-1", "user-1"]
    assert (written["cluster"]["id"], written["reason"]) == (stuck.id, "project deleted")
    assert written["events"][-1]["message"] == "the project is gone"
    assert stat.S_IMODE(proof.stat().st_mode) == 0o600


def test_what_was_not_asked_to_go_is_not_forgotten(config: Path, store: PostgresStore, tmp_path: Path) -> None:
    made = store.create_cluster(a_cluster(project_id="alpha")).cluster
    with pytest.raises(SystemExit, match="nobody asked"):
        forgotten(config, made, tmp_path / "proof.json")
    assert store.cluster(made.id, project_id=None)
    assert not (tmp_path / "proof.json").exists()


def test_what_a_worker_has_is_not_forgotten_under_its_hands(
    config: Path, store: PostgresStore, stuck: Cluster, tmp_path: Path
) -> None:
    assert store.claim_cluster(stuck.id, "w", lease=60) is not None
    with pytest.raises(SystemExit, match="a worker is busy"):
        forgotten(config, stuck, tmp_path / "proof.json")
    assert store.cluster(stuck.id, project_id=None)


def test_a_file_that_is_there_is_not_written_over(
    config: Path, store: PostgresStore, stuck: Cluster, tmp_path: Path
) -> None:
    proof = tmp_path / "proof.json"
    proof.write_text("another cluster's")
    with pytest.raises(SystemExit, match="File exists"):
        forgotten(config, stuck, proof)
    assert proof.read_text() == "another cluster's"
    assert store.cluster(stuck.id, project_id=None)
