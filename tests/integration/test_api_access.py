"""Who may do what, and what a refusal tells: nothing about others."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from api_fixtures import CATALOGUE, Api, MakeApi

from navarch.api.identity import Caller
from navarch.api.policy import DELETE, READ, Policy

pytestmark = pytest.mark.postgres

CHANGES: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/clusters", {"name": "x"}),
    ("PATCH", "/clusters/shop", {"labels": {}}),
    ("DELETE", "/clusters/shop", None),
    ("POST", "/clusters/shop/node_groups", {"name": "web"}),
    ("PATCH", "/clusters/shop/node_groups/default", {"spec": {"replicas": 3}}),
    ("DELETE", "/clusters/shop/node_groups/default", None),
    ("POST", "/clusters/shop/kubeconfigs", {}),
)
LOOKS = (
    "/clusters", "/clusters/shop", "/clusters/shop/machines", "/clusters/shop/events", "/clusters/shop/node_groups",
    "/clusters/shop/node_groups/default", "/versions", "/flavors", "/zones", "/volume_types", "/external_networks",
    "/quota",
)  # fmt: skip


@pytest.mark.parametrize("token", ["", "wrong", "x" * 9000])
def test_without_a_valid_token_everything_is_401(api: Api, token: str) -> None:
    api.create()
    for method, path, body in (*CHANGES, *(("GET", path, None) for path in LOOKS)):
        answer = api.as_(token).call(method, path, json=body)
        assert answer.status_code == 401, path
        assert answer.headers["WWW-Authenticate"].startswith("Keystone")
        assert answer.headers["x-openstack-request-id"] == answer.json()["request_id"]


def test_a_reader_looks_and_changes_nothing(api: Api) -> None:
    api.create()
    for path in LOOKS:
        assert api.as_("rob").get(path).status_code == 200, path
    for method, path, body in CHANGES:
        assert api.as_("rob").call(method, path, json=body).status_code == 403, (method, path)


def test_a_token_without_roles_sees_nothing(api: Api) -> None:
    api.create()
    for method, path, body in (*CHANGES, *(("GET", path, None) for path in LOOKS)):
        assert api.as_("nobody").call(method, path, json=body).status_code == 403, (method, path)


def test_another_project_cannot_tell_a_foreign_cluster_from_none(api: Api) -> None:
    made = api.create()
    bea = api.as_("bea")
    assert bea.get("/clusters").json()["clusters"] == []
    for reference, other in ((made["id"], "00000000-0000-4000-8000-000000000000"), ("shop", "none")):
        for method, path, body in CHANGES[1:]:
            foreign = bea.call(method, path.replace("shop", reference), json=body)
            nothing = bea.call(method, path.replace("shop", other), json=body)
            assert foreign.status_code == nothing.status_code == 404, (method, path)
            assert foreign.json() | {"request_id": ""} == nothing.json() | {"request_id": ""}
        for path in ("", "/machines", "/events", "/node_groups", "/node_groups/default"):
            assert bea.get(f"/clusters/{reference}{path}").status_code == 404
    assert bea.get(f"/clusters?marker={made['id']}").status_code == 400
    assert api.get("/clusters/shop").json()["deletion_requested_at"] is None


def test_an_operator_sees_every_project_where_asked(api: Api) -> None:
    made = api.create()
    for token in ("root", "system"):
        operator = api.as_(token)
        listed = operator.get("/clusters?all_projects=true").json()["clusters"]
        assert [c["id"] for c in listed] == [made["id"]]
        assert operator.get(f"/clusters/{made['id']}?all_projects=true").status_code == 200
        assert operator.get(f"/clusters/{made['id']}/events?all_projects=true").status_code == 200
        assert operator.get(f"/clusters/{made['id']}").status_code == (404 if token == "root" else 403)
    assert api.as_("root").delete(f"/clusters/{made['id']}?all_projects=true").status_code == 202
    assert api.as_("system").get("/clusters").status_code == 403
    assert api.as_("system").post("/clusters", {"name": "x"}).status_code == 403


def test_a_customer_does_not_see_every_project(api: Api) -> None:
    for token in ("ann", "rob", "customer-admin"):
        assert api.as_(token).get("/clusters?all_projects=true").status_code == 403


def test_keystone_away_is_503_and_passes(api: Api) -> None:
    api.create()
    api.tokens.away = True
    answer = api.get("/clusters")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    api.tokens.away = False
    assert api.get("/clusters").status_code == 200


def test_an_operators_policy_file_replaces_single_rules(tmp_path: Path, make_api: MakeApi) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(f'"{DELETE}": "role:admin and project_id:%(project_id)s"\n')
    api = make_api(policy_file=str(file))
    api.store.write_catalogue(CATALOGUE)
    api.create()
    assert api.delete("/clusters/shop").status_code == 403
    assert api.patch("/clusters/shop", {"labels": {"a": "b"}}).status_code == 200


def test_a_policy_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Policy(str(tmp_path / "none.yaml"))


def test_a_role_in_one_project_is_none_in_another() -> None:
    caller = Caller("u", "ann", "alpha", ("member",), datetime.now(UTC) + timedelta(hours=1))
    assert Policy().allows(READ, caller, "alpha")
    assert not Policy().allows(READ, caller, "beta")
