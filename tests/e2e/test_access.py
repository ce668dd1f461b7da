"""Who may see and change a cluster."""

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
