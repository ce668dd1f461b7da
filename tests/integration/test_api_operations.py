"""What operators ask of the API without a token."""

import pytest
from api_fixtures import Api

pytestmark = pytest.mark.postgres


def test_readiness_tells_what_is_paused(api: Api) -> None:
    assert "paused" not in api.get("/readyz").json()["checks"]
    api.store.pause("alpha", reason="", by="ops")
    assert api.get("/readyz").json()["checks"]["paused"] == "projects: 1"
    api.store.pause(None, reason="", by="ops")
    answer = api.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["paused"]) == (200, "everything")
