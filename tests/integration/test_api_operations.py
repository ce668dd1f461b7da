"""What operators ask of the API without a token."""

import pytest
from tests.integration.api_fixtures import Api

pytestmark = pytest.mark.postgres


def test_readiness_tells_what_is_paused(api: Api) -> None:
    assert "paused" not in api.get("/readyz").json()["checks"]
    api.store.pause("alpha", reason="", by="ops")
    assert api.get("/readyz").json()["checks"]["paused"] == "projects: 1"
    api.store.pause(None, reason="", by="ops")
    answer = api.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["paused"]) == (200, "everything")


def test_customers_are_told_that_the_operator_paused_them_but_not_why(api: Api) -> None:
    cluster = api.create()

    def paused() -> list[dict[str, str]]:
        conditions = api.get(f"/clusters/{cluster['id']}").json()["status"]["conditions"]
        return [c for c in conditions if c["type"] == "Paused"]

    assert paused() == []
    api.store.pause("beta", reason="", by="ops")
    assert paused() == []
    for project in ("alpha", None):
        api.store.pause(project, reason="an internal matter", by="ops")
        (condition,) = paused()
        assert (condition["status"], condition["responsible"]) == ("True", "navarch-operator")
        assert "internal" not in str(condition)
        api.store.resume(project)
        assert paused() == []


def test_a_list_tells_it_of_each_cluster_too(api: Api) -> None:
    api.create()
    api.store.pause("alpha", reason="", by="ops")
    (cluster,) = api.get("/clusters").json()["clusters"]
    assert [c["reason"] for c in cluster["status"]["conditions"]] == ["PausedByOperator"]
