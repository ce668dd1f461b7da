"""Who may see and change a cluster."""

from pathlib import Path

import pytest
from demo.customer import Kubectl
from demo.steps import StepFailed
from demo.story import kubectl_program
from tests.e2e.clusters import Cluster
from tests.e2e.lab_customer import LabCustomer


def test_another_project_sees_nothing_of_it(one: Cluster, beta: LabCustomer) -> None:
    assert beta.navarch("cluster", "show", one.name).code == 3
    assert beta.navarch("cluster", "show", one.shown()["id"]).code == 3
    assert one.name not in [cluster["name"] for cluster in beta.must("cluster", "list", "-o", "json").json]


def test_a_reader_may_look_and_nothing_else(one: Cluster, reader: LabCustomer) -> None:
    assert reader.cluster(one.name)["name"] == one.name
    refused = reader.navarch("cluster", "delete", one.name, "--yes")
    assert refused.code == 5, refused.err
    assert one.shown()["deletion_requested_at"] is None


def test_a_kubeconfig_that_was_revoked_opens_nothing_any_more(one: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "lost.kubeconfig"
    one.customer.must("cluster", "kubeconfig", one.name, "--role", "view", "--file", str(path))
    lost = Kubectl(kubectl_program(), path)
    (group,) = (g for g in lost.run("auth", "whoami", "-o", "json").split('"') if g.startswith("navarch:kubeconfig:"))
    assert lost.get("nodes")["items"]
    one.customer.must("kubeconfig", "revoke", group.rpartition(":")[2], "-c", one.name)  # waits until it is refused
    with pytest.raises(StepFailed, match="orbidden"):
        lost.run("get", "nodes")
    assert one.nodes()  # others' are as good as before
