"""What the roles of kubeconfigs may do, and what `edit` and `view` may not although RBAC has no word for it."""

from collections.abc import Iterator

import pytest
from tests.integration.guarded_cluster import KUBE_SYSTEM, granted, pod
from tests.integration.kube_apiserver import ApiServer, Client
from tests.integration.roles_page import PAGE, page, settle

pytestmark = pytest.mark.kube

SHOP, TOKEN = "/api/v1/namespaces/shop", {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
NODE_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mine"}, "stringData": {"a": "b"}}


@pytest.fixture(scope="module")
def roles(guarded: ApiServer) -> Iterator[ApiServer]:
    """The cluster, with Kubernetes' own roles put together as its controller does."""
    with guarded.controllers("clusterrole-aggregation-controller"):
        settle(guarded)
        yield guarded


@pytest.fixture(scope="module")
def editor(roles: ApiServer) -> Client:
    return roles.user("eva", "navarch:editors")


def test_the_guides_tables_are_what_the_api_server_answers(roles: ApiServer) -> None:
    assert page(roles) == PAGE.read_text()


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(("GET", f"{KUBE_SYSTEM}/secrets/cloud-config"), id="the cloud's credentials"),
        pytest.param(("GET", f"{KUBE_SYSTEM}/secrets"), id="all Secrets of kube-system"),
        pytest.param(("GET", "/api/v1/secrets"), id="all Secrets there are"),
        pytest.param(("GET", "/api/v1/secrets?watch=true&timeoutSeconds=1"), id="the same, as a watch"),
        pytest.param(("GET", "/api/v1/secrets?fieldSelector=metadata.name=cloud-config"), id="one of all Secrets"),
        pytest.param(("POST", f"{KUBE_SYSTEM}/serviceaccounts/calico-node/token", TOKEN), id="a system token"),
        pytest.param(("POST", f"{SHOP}/serviceaccounts/default/token", TOKEN), id="a token in a namespace of theirs"),
        pytest.param(("POST", f"{KUBE_SYSTEM}/pods", pod("x", "kube-system")), id="a pod in kube-system"),
        pytest.param(("POST", f"{KUBE_SYSTEM}/pods/calico-node-x/exec?command=sh"), id="a shell in kube-system"),
        pytest.param(("GET", f"{KUBE_SYSTEM}/pods/calico-node-x/exec?command=sh"), id="the same over a websocket"),
        pytest.param(("GET", f"{KUBE_SYSTEM}/pods/calico-node-x/proxy/"), id="a pod's port in kube-system"),
        pytest.param(("DELETE", f"{KUBE_SYSTEM}/pods/calico-node-x"), id="removing a pod of kube-system"),
        pytest.param(("DELETE", f"{NODE_LEASES}/demo"), id="a node's lease: the node would be given up"),
        pytest.param(("PATCH", f"{KUBE_SYSTEM}/configmaps/coredns", {"data": {}}), id="the cluster's DNS"),
    ],
)
def test_an_editor_is_no_administrator_in_disguise(editor: Client, asked: tuple[str, str]) -> None:
    answer = editor.ask(*asked)
    assert answer.status_code == 403, answer.text
    assert "the roles edit and view change nothing in the cluster's own namespaces" in answer.json()["message"]


def test_an_editor_acts_as_nobody_else(editor: Client) -> None:
    for account in ("system:serviceaccount:kube-system:calico-node", "system:serviceaccount:shop:default"):
        editor.http.headers["Impersonate-User"] = account
        try:
            assert editor.ask("GET", f"{SHOP}/pods").status_code == 403
        finally:
            del editor.http.headers["Impersonate-User"]


def test_an_editor_does_an_editors_work(editor: Client) -> None:
    assert granted(editor.ask("POST", f"{SHOP}/secrets", SECRET))
    assert granted(editor.ask("GET", f"{SHOP}/secrets/mine"))
    assert granted(editor.ask("POST", f"{SHOP}/pods", pod("evas", "shop")))
    assert granted(editor.ask("GET", "/api/v1/pods"))
    assert granted(editor.ask("GET", f"{KUBE_SYSTEM}/pods"))
    assert granted(editor.ask("DELETE", f"{SHOP}/secrets/mine"))


def test_a_viewer_sees_no_secret_and_changes_nothing(roles: ApiServer) -> None:
    viewer = roles.user("vic", "navarch:viewers")
    assert granted(viewer.ask("GET", f"{SHOP}/pods"))
    for asked in (
        ("GET", f"{SHOP}/secrets"),
        ("GET", f"{KUBE_SYSTEM}/secrets/cloud-config"),
        ("POST", f"{SHOP}/pods", pod("vics", "shop")),
        ("POST", f"{KUBE_SYSTEM}/serviceaccounts/calico-node/token", TOKEN),
    ):
        assert viewer.ask(*asked).status_code == 403


def test_an_administrator_is_held_back_by_none_of_this(roles: ApiServer) -> None:
    admin = roles.user("ann", "navarch:admins", "navarch:editors")
    assert granted(admin.ask("GET", f"{KUBE_SYSTEM}/secrets/cloud-config"))
    assert granted(admin.ask("POST", f"{KUBE_SYSTEM}/serviceaccounts/calico-node/token", TOKEN))


def test_where_nobody_answers_the_same_is_refused_and_nothing_else(kube: ApiServer) -> None:
    kube.end("authorizer")
    editor = kube.user("eva", "navarch:editors")
    refused = editor.ask("GET", f"{KUBE_SYSTEM}/secrets")
    assert refused.status_code == 500
    assert "connection refused" in refused.text
    assert editor.ask("GET", f"{SHOP}/secrets").status_code == 403  # by RBAC, which knows no editors here: it was asked
    assert granted(kube.admin().ask("GET", f"{KUBE_SYSTEM}/secrets"))
