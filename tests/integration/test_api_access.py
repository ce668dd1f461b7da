"""Who may do what, and what a refusal tells: nothing about others."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.integration.api_fixtures import OFFER, Api, MakeApi, Tokens, plenty, routes
from tests.integration.catalogue_fixtures import Unchanging, add_entry
from tests.integration.some_values import a_machine

from navarch.api.access_rules import AccessRule
from navarch.api.identity import Caller
from navarch.api.keystone import KeystoneIdentity
from navarch.api.policy import ALL_PROJECTS, DELETE, KUBECONFIGS, READ, Policy
from navarch.domain.kubeconfigs import Kubeconfig
from navarch.domain.spec import Role
from navarch.domain.status import Event

pytestmark = pytest.mark.postgres

# For each route, what each of the callers below is answered. A route that is not here fails the first test.
#                                                    nobody  expired  other  roleless  reader  member  operator  cluster
EXPECTED: dict[tuple[str, str], tuple[int, ...]] = {
    ("GET", "/openapi.json"):                             (200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "/healthz"):                                  (200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "/readyz"):                                   (200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "/kaas/v1/versions"):                         (401, 401, 200, 403, 200, 200, 200, 403),
    ("GET", "/kaas/v1/flavors"):                          (401, 401, 200, 403, 200, 200, 200, 403),
    ("GET", "/kaas/v1/zones"):                            (401, 401, 200, 403, 200, 200, 200, 403),
    ("GET", "/kaas/v1/volume_types"):                     (401, 401, 200, 403, 200, 200, 200, 403),
    ("GET", "/kaas/v1/external_networks"):                (401, 401, 200, 403, 200, 200, 200, 403),
    ("GET", "/kaas/v1/quota"):                            (401, 401, 200, 403, 200, 200, 200, 403),
    ("GET", "/kaas/v1/clusters"):                         (401, 401, 200, 403, 200, 200, 200, 403),
    ("POST", "/kaas/v1/clusters"):                        (401, 401, 202, 403, 403, 202, 202, 403),
    ("GET", "/kaas/v1/clusters/{cluster}"):               (401, 401, 404, 403, 200, 200, 200, 403),
    ("PATCH", "/kaas/v1/clusters/{cluster}"):             (401, 401, 404, 403, 403, 200, 200, 403),
    ("DELETE", "/kaas/v1/clusters/{cluster}"):            (401, 401, 404, 403, 403, 202, 202, 403),
    ("GET", "/kaas/v1/clusters/{cluster}/machines"):      (401, 401, 404, 403, 200, 200, 200, 403),
    ("GET", "/kaas/v1/clusters/{cluster}/objects"):       (401, 401, 404, 403, 200, 200, 200, 403),
    ("GET", "/kaas/v1/clusters/{cluster}/figures"):       (401, 401, 404, 403, 200, 200, 200, 403),
    ("GET", "/kaas/v1/clusters/{cluster}/workloads"):     (401, 401, 404, 403, 200, 200, 403, 403),
    ("GET", "/kaas/v1/clusters/{cluster}/events"):        (401, 401, 404, 403, 200, 200, 200, 403),
    ("GET", "/kaas/v1/clusters/{cluster}/timeline"):      (401, 401, 404, 403, 200, 200, 200, 403),
    ("GET", "/kaas/v1/clusters/{cluster}/progress"):      (401, 401, 404, 403, 200, 200, 200, 403),
    ("POST", "/kaas/v1/clusters/{cluster}/kubeconfigs"):  (401, 401, 404, 403, 403, 201, 403, 403),
    ("GET", "/kaas/v1/clusters/{cluster}/kubeconfigs"):   (401, 401, 404, 403, 200, 200, 200, 403),
    ("GET", "/kaas/v1/clusters/{cluster}/kubeconfigs/{kubeconfig}"):    (401, 401, 404, 403, 200, 200, 200, 403),
    ("DELETE", "/kaas/v1/clusters/{cluster}/kubeconfigs/{kubeconfig}"): (401, 401, 404, 403, 403, 202, 202, 403),
    ("GET", "/kaas/v1/clusters/{cluster}/credentials"):   (401, 401, 404, 403, 200, 200, 200, 403),
    ("POST", "/kaas/v1/clusters/{cluster}/credentials"):  (401, 401, 404, 403, 403, 202, 202, 403),
    ("GET", "/kaas/v1/clusters/{cluster}/node_groups"):   (401, 401, 404, 403, 200, 200, 200, 403),
    ("POST", "/kaas/v1/clusters/{cluster}/node_groups"):  (401, 401, 404, 403, 403, 202, 202, 403),
    ("GET", "/kaas/v1/clusters/{cluster}/node_groups/{name}"):    (401, 401, 404, 403, 200, 200, 200, 403),
    ("PATCH", "/kaas/v1/clusters/{cluster}/node_groups/{name}"):  (401, 401, 404, 403, 403, 200, 200, 403),
    ("DELETE", "/kaas/v1/clusters/{cluster}/node_groups/{name}"): (401, 401, 404, 403, 403, 202, 202, 403),
    ("GET", "/kaas/v1/clusters/{cluster}/upgrades"):              (401, 401, 404, 403, 200, 200, 200, 403),
    ("DELETE", "/kaas/v1/clusters/{cluster}/machines/{machine}"): (401, 401, 404, 403, 403, 202, 202, 403),
    ("GET", "/kaas/v1/addons"):                           (401, 401, 200, 403, 200, 200, 200, 403),
    ("GET", "/kaas/v1/addons/{name}"):                    (401, 401, 200, 403, 200, 200, 200, 403),
    ("GET", "/kaas/v1/addons/{name}/icon"):               (401, 401, 200, 403, 200, 200, 200, 403),
    ("GET", "/kaas/v1/clusters/{cluster}/addons"):        (401, 401, 404, 403, 200, 200, 200, 403),
    ("POST", "/kaas/v1/clusters/{cluster}/addons"):       (401, 401, 404, 403, 403, 202, 202, 403),
    ("GET", "/kaas/v1/clusters/{cluster}/addons/{name}"):    (401, 401, 404, 403, 200, 200, 200, 403),
    ("PATCH", "/kaas/v1/clusters/{cluster}/addons/{name}"):  (401, 401, 404, 403, 403, 200, 200, 403),
    ("DELETE", "/kaas/v1/clusters/{cluster}/addons/{name}"): (401, 401, 404, 403, 403, 202, 202, 403),
    # It is not applied yet.
    ("POST", "/kaas/v1/clusters/{cluster}/addons/{name}/test"): (401, 401, 404, 403, 403, 409, 409, 403),
    # Machines show a ticket or a report token; a person's token is worth nothing here.
    ("POST", "/bootstrap/v1/join"):                       (403, 403, 403, 403, 403, 403, 403, 403),
    ("POST", "/bootstrap/v1/reports"):                    (401, 401, 401, 401, 401, 401, 401, 401),
}  # fmt: skip
# Tokens as Keystone tells of them: (project, roles, seconds until they expire). "" is no token at all.
CALLERS: dict[str, tuple[str, tuple[str, ...], float]] = {
    "": ("alpha", (), 0),
    "expired": ("alpha", ("admin", "member", "reader"), -1),
    "other": ("beta", ("admin", "member", "reader"), 3600),
    "roleless": ("alpha", (), 3600),
    "reader": ("alpha", ("reader",), 3600),
    "member": ("alpha", ("member", "reader"), 3600),
    "operator": ("operators", ("admin",), 3600),
    "cluster": ("alpha", ("member", "load-balancer_member"), 3600),  # by Navarch's trust: see CLUSTERS_USER
}
CLUSTERS_USER = "cluster"
MACHINE, KUBECONFIG = "shop-default-1", "0123456789abcdef"
BODIES: dict[str | None, Any] = {
    None: None,
    "NewCluster": {"name": "new"},
    "ClusterPatch": {"labels": {"a": "b"}},
    "NewNodeGroup": {"name": "new"},
    "NodeGroupPatch": {"spec": {"replicas": 3}},
    "NewKubeconfig": {},
    "NewAddon": {"entry": "default"},
    "AddonPatch": {"values": {"size": 3}},
    "JoinBody": {"machine": "m0", "ticket": "t", "nonce": "n" * 32},
    "ReportBody": {"machine": "m0", "phase": "Booted", "state": "done", "at": "2026-01-01T00:00:00Z"},
}


class Keystone:
    """What validates tokens, as `KeystoneIdentity` asks it. The admin project is `operators`."""

    def get(self, url: str, *, headers: dict[str, str], **_: Any) -> SimpleNamespace:
        name = headers["X-Subject-Token"]
        if name not in CALLERS:
            return SimpleNamespace(status_code=404)
        project, roles, seconds = CALLERS[name]
        token: dict[str, Any] = {
            "user": {"id": f"{name}-id", "name": name, "domain": {"id": "default", "name": "Default"}},
            "project": {"id": project, "domain": {"id": "default"}},
            "roles": [{"name": role} for role in roles],
            "expires_at": (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(),
            "is_admin_project": project == "operators",
        }
        if name == CLUSTERS_USER:
            token["user"]["domain"] = {"id": "d7c1", "name": "navarch"}
            token["OS-TRUST:trust"] = {"id": "t1", "trustor_user": {"id": "navarch-id"}}
        return SimpleNamespace(status_code=200, json=lambda: {"token": token})


def test_no_route_is_without_an_expectation(api: Api) -> None:
    assert set(routes(api.client.app)) == set(EXPECTED)


@pytest.fixture
def validated(make_api: MakeApi) -> Api:
    """The service with real token validation, and a cluster of project alpha that has keys and an address."""
    identity = KeystoneIdentity(Keystone(), cluster_domain="navarch", service_user="navarch")
    api = make_api(identity=identity, renderer=Unchanging()).as_("member")
    add_entry(api.store, "default", "1.0.0", files={"icon.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>'})
    api.store.write_offer(OFFER)
    for project, _, _ in CALLERS.values():
        api.store.write_quota(project, plenty())
    shop = api.create()["id"]
    api.make_ready(shop)
    claim = api.claim(shop)
    machine = a_machine(MACHINE, role=Role.WORKER, group="default", serial=1)
    api.store.record_machine(shop, claim.token, machine)
    issued = Kubeconfig(
        KUBECONFIG, "u", "ann", ("navarch:admins",), claim.cluster.created_at, datetime(2999, 1, 1, tzinfo=UTC)
    )
    api.store.add_kubeconfig(shop, issued, Event(claim.cluster.created_at, "KubeconfigIssued", ""), most=1000)
    assert api.post("/clusters/shop/addons", {"entry": "default"}).status_code == 202
    return api


@pytest.mark.parametrize(("method", "path"), EXPECTED, ids=lambda part: part)
def test_each_route_answers_each_caller_as_written_down(validated: Api, method: str, path: str) -> None:
    model = routes(validated.client.app)[method, path]
    shop = validated.get("/clusters/shop").json()["id"]  # the operator's way: names are a project's own
    answers = []
    for number, caller in enumerate(CALLERS):
        everywhere = caller == "operator" and "{cluster}" in path
        url = path.format(
            cluster=shop if everywhere else "shop", name="default", machine=MACHINE, kubeconfig=KUBECONFIG
        )
        body = BODIES[model]
        if model in ("NewCluster", "NewNodeGroup", "NewAddon"):
            body = {**body, "name": f"new-{number}"}
        answer = validated.client.request(
            method,
            url,
            params={"all_projects": True} if everywhere else {},
            json=body,
            headers={"X-Auth-Token": caller} if caller else {},
        )
        answers.append(answer.status_code)
        if answer.status_code == 401 and path.startswith("/kaas"):
            assert answer.headers["WWW-Authenticate"].startswith("Keystone")
            assert answer.headers["x-openstack-request-id"] == answer.json()["request_id"]
    assert tuple(answers) == EXPECTED[method, path]


@pytest.mark.parametrize("token", ["wrong", "x" * 9000, "a b", "\u00e9"])
def test_what_is_no_token_is_401(validated: Api, token: str) -> None:
    assert validated.client.get("/kaas/v1/clusters", headers={b"X-Auth-Token": token.encode()}).status_code == 401


def test_who_sent_many_bad_tokens_is_turned_away_before_a_route_is_looked_for(make_api: MakeApi) -> None:
    class Remembering(Tokens):
        def known(self, token: str) -> Caller | None:
            return self.callers.get(token)

    ann = Caller("ann-id", "ann", "alpha", ("member",), datetime.now(UTC) + timedelta(hours=1))
    api = make_api(identity=Remembering({"ann": ann}), address="198.51.100.7")
    assert api.get("/clusters").status_code == 200
    answers = [api.as_(f"junk-{number}").get("/clusters") for number in range(40)]
    assert [answer.status_code for answer in answers] == [401] * 30 + [429] * 10
    assert answers[-1].json()["type"].endswith("too-many")
    assert answers[-1].json()["request_id"] == answers[-1].headers["x-openstack-request-id"]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert api.as_("junk").get("/no/such/path").status_code == 429
    assert api.get("/no/such/path").status_code == 404, "a token that is known is as good as before"


def test_another_project_cannot_tell_a_foreign_cluster_from_none(api: Api) -> None:
    made = api.create()
    bea = api.as_("bea")
    assert bea.get("/clusters").json()["clusters"] == []
    for reference, other in ((made["id"], "00000000-0000-4000-8000-000000000000"), ("shop", "none")):
        for (method, path), model in routes(api.client.app).items():
            if "{cluster}" in path:
                foreign, nothing = (
                    bea.call(
                        method,
                        path.format(cluster=cluster, name="default", machine=MACHINE, kubeconfig=KUBECONFIG),
                        json=BODIES[model],
                    )
                    for cluster in (reference, other)
                )
                assert foreign.status_code == nothing.status_code == 404, (method, path)
                assert foreign.json() | {"request_id": ""} == nothing.json() | {"request_id": ""}
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
    api.store.write_offer(OFFER)
    api.create()
    assert api.delete("/clusters/shop").status_code == 403
    assert api.patch("/clusters/shop", {"labels": {"a": "b"}}).status_code == 200


def test_operators_get_into_customers_clusters_where_the_policy_file_says_so(tmp_path: Path, make_api: MakeApi) -> None:
    file = tmp_path / "policy.yaml"
    for rules, answers in (("{}\n", 403), (f'"{KUBECONFIGS}": "rule:{ALL_PROJECTS}"\n', 201)):
        file.write_text(rules)
        api = make_api(policy_file=str(file))
        api.store.write_offer(OFFER)
        api.store.write_quota("alpha", plenty())
        made = api.create(f"shop-{answers}")
        api.make_ready(made["id"])
        path = f"/clusters/{made['id']}/kubeconfigs?all_projects=true"
        assert api.as_("root").post(path, {}).status_code == answers
    (issued,) = [e for e in api.get(f"/clusters/{made['id']}/events").json()["events"] if "Kubeconfig" in e["reason"]]
    assert issued["message"].startswith("root (root-id) got a certificate as navarch:admins")


def test_a_policy_file_that_changes_is_read_again(tmp_path: Path) -> None:
    file, seconds = tmp_path / "policy.yaml", [0.0]
    file.write_text(f'"{READ}": "role:auditor"\n')
    rules = Policy(str(file), clock=lambda: seconds[0])
    ann = Caller("u", "ann", "alpha", ("member",), datetime.now(UTC) + timedelta(hours=1))
    assert not rules.allows(READ, ann, "alpha")
    file.write_text(f'"{READ}": "role:member and project_id:%(project_id)s"\n')
    later = file.stat().st_mtime + 1
    os.utime(file, (later, later))  # however fast this was
    seconds[0] = 10.0
    assert rules.allows(READ, ann, "alpha")


def test_a_policy_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Policy(str(tmp_path / "none.yaml"))


def test_a_role_in_one_project_is_none_in_another() -> None:
    caller = Caller("u", "ann", "alpha", ("member",), datetime.now(UTC) + timedelta(hours=1))
    assert Policy().allows(READ, caller, "alpha")
    assert not Policy().allows(READ, caller, "beta")


def test_an_application_credential_makes_the_requests_that_its_rules_allow(api: Api) -> None:
    api.create()
    rules = (AccessRule("kubernetes", "GET", "/kaas/v1/clusters/*"), AccessRule("compute", "DELETE", "/**"))
    api.tokens.callers["ci"] = replace(api.tokens.callers["ann"], access_rules=rules)
    ci = api.as_("ci")
    assert ci.get("/clusters/shop").status_code == 200
    for answer in (ci.get("/clusters"), ci.delete("/clusters/shop"), ci.get("/clusters/nobodys/events")):
        assert answer.status_code == 403
        assert "access rules" in answer.json()["detail"]
    assert (
        "service kubernetes, method DELETE, path /kaas/v1/clusters/shop" in ci.delete("/clusters/shop").json()["detail"]
    )
