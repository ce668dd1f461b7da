"""A kubeconfig that was revoked opens nothing, on a real API server with the authorizer of a control-plane machine."""

import base64
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from tests.integration.entry_programs import real_renderer
from tests.integration.guarded_cluster import granted
from tests.integration.kube_apiserver import ApiServer, Client
from tests.unit.addons.sample_inputs import inputs

from navarch.addons.client import KubernetesClusters
from navarch.addons.contract import Access, Asks
from navarch.bootstrap.kubeconfig import kubeconfig

pytestmark = [pytest.mark.kube, pytest.mark.tools]

NAMESPACES = "/api/v1/namespaces"
LIST = "/api/v1/namespaces/kube-system/configmaps/navarch-revoked-kubeconfigs"


@pytest.fixture(scope="module")
def cluster(kube: ApiServer) -> ApiServer:
    """Where people have their roles, and the authorizer its."""
    with KubernetesClusters(real_renderer()) as clusters:
        clusters.apply(kube.access, inputs(), "access")
    return kube


def somebody(kube: ApiServer, its: str) -> Client:
    """With a kubeconfig as Navarch issues it, for an administrator."""
    text, _ = kubeconfig(
        kube.secrets,
        cluster_name="shop",
        url=kube.access.url,
        user="eva",
        groups=("navarch:admins",),
        kubeconfig_id=its,
        ttl=timedelta(hours=1),
        now=datetime.now(UTC),
    )
    user = {key: base64.b64decode(value).decode() for key, value in yaml.safe_load(text)["users"][0]["user"].items()}
    access = Access(kube.access.url, kube.access.ca, user["client-certificate-data"], user["client-key-data"])
    return kube.client(access)


def until(so: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not so():
        assert time.monotonic() < end, "it never was so"
        time.sleep(0.2)


def revoked(kube: ApiServer, *ids: str) -> None:
    """Have them refused."""
    with KubernetesClusters(real_renderer()) as clusters:
        until(lambda: clusters.revoke(kube.access, ids))


def answer(client: Client) -> Any:
    return client.ask("GET", NAMESPACES)


def test_a_kubeconfig_that_was_revoked_opens_nothing_and_others_are_as_before(cluster: ApiServer) -> None:
    taken, kept = somebody(cluster, "00000000000000aa"), somebody(cluster, "00000000000000bb")
    until(lambda: answer(taken).status_code == 200)  # the authorizer has read that there is no list
    assert granted(answer(kept))
    revoked(cluster, "00000000000000aa")
    # On the connection that it has, with what it was allowed a moment ago.
    until(lambda: answer(taken).status_code == 403)
    assert "the kubeconfig 00000000000000aa was revoked" in answer(taken).json()["message"]
    for asked in (
        ("GET", "/version"),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectreviews", {"kind": "SelfSubjectReview"}),
        ("GET", "/api/v1/namespaces/kube-system/secrets"),
        ("DELETE", LIST),
    ):
        assert taken.ask(*asked).status_code == 403
    taken.http.headers["Impersonate-User"] = "kubernetes-admin"
    assert answer(taken).status_code == 403
    assert granted(answer(kept))
    assert granted(answer(cluster.admin()))


def test_it_stays_so_when_api_server_and_authorizer_start_anew(cluster: ApiServer) -> None:
    taken = "00000000000000cc"
    revoked(cluster, taken)
    for name in ("authorizer", "kube-apiserver"):
        cluster.end(name)
    for name in ("kube-apiserver", "authorizer"):
        cluster.begin(name)
    until(lambda: answer(somebody(cluster, "00000000000000dd")).status_code == 200)
    assert answer(somebody(cluster, taken)).status_code == 403


def test_what_is_refused_is_what_the_api_server_says_and_not_what_was_written(cluster: ApiServer) -> None:
    with KubernetesClusters(real_renderer()) as clusters:
        revoked(cluster, "00000000000000ee", "00000000000000ff")
        asks = Asks(revoked=("00000000000000ee", "00000000000000ff", "not-on-the-list"))
        assert clusters.observe(cluster.access, asks).refused == ("00000000000000ee", "00000000000000ff")
        # Who takes the list away, or what heeds it, is noticed.
        assert granted(cluster.admin().ask("DELETE", LIST))
        assert clusters.observe(cluster.access, asks).refused == ()
        revoked(cluster, "00000000000000ee")
        cluster.end("authorizer")
        try:
            time.sleep(3)  # for so long the API server remembers an answer
            assert clusters.observe(cluster.access, asks).refused == ()
            assert answer(somebody(cluster, "00000000000000dd")).status_code >= 403  # nobody can tell: no
        finally:
            cluster.begin("authorizer")
