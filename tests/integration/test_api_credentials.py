"""The credentials that a cluster's own controllers show to the cloud."""

from datetime import UTC, datetime

import pytest
from tests.integration.api_fixtures import Api

from navarch.bootstrap.vault import PASSWORD

pytestmark = pytest.mark.postgres
PATH = "/clusters/shop/credentials"


def test_others_are_asked_for_once_told_and_handed_to_the_workers(api: Api) -> None:
    made = api.create()
    api.make_ready(made["id"])
    assert api.get(PATH).json() == {"state": "current", "requested_at": None, "renewed_at": None}
    planned = api.post(f"{PATH}?dry_run=true", {})
    assert (planned.status_code, planned.json()["state"]) == (200, "renewing")
    assert api.get(PATH).json()["state"] == "current"
    answer = api.post(PATH, {})
    assert (answer.status_code, answer.json()["state"]) == (202, "renewing")
    event = api.get("/clusters/shop/events").json()["events"][-1]
    assert event["reason"] == "CredentialsRequested"
    assert "ann-id" in event["message"] and answer.headers["x-openstack-request-id"] in event["message"]
    assert api.post(PATH, {}).json() == answer.json(), "again: nothing more is told"
    assert api.get("/clusters/shop/events").json()["events"][-1] == event
    claim = api.store.claim("w", lease=60)  # it is due at once
    assert claim is not None and claim.cluster.id == made["id"]
    assert claim.credentials.requested_at == datetime.fromisoformat(answer.json()["requested_at"])
    now = datetime.now(UTC)
    api.store.reseal(made["id"], claim.token, PASSWORD, b"another")
    api.store.note_renewed_credentials(made["id"], claim.token, now)
    assert api.store.sealed(made["id"], PASSWORD) == b"another"
    known = api.get(PATH).json()
    assert (known["state"], datetime.fromisoformat(known["renewed_at"])) == ("current", now)


def test_a_cluster_that_goes_gets_no_others(api: Api) -> None:
    made = api.create()
    api.make_ready(made["id"])
    api.delete("/clusters/shop")
    for path in (f"/clusters/{made['id']}/credentials", f"/clusters/{made['id']}/credentials?dry_run=true"):
        assert api.post(path, {}).status_code == 409
