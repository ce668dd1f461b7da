"""The add-on cert-manager on a real cluster: a certificate is made, and made anew; its webhook refuses a wrong issuer;
a removal leaves what is the user's, and with its data nothing."""

import json
from typing import Any

import pytest
from demo.steps import StepFailed, until
from tests.e2e.catalogue import check_images, names, of_the_server, offered
from tests.e2e.clusters import Cluster

pytestmark = [pytest.mark.proof, pytest.mark.timeout(900)]

NAME = "cert-manager"
ISSUER = {
    "apiVersion": "cert-manager.io/v1",
    "kind": "Issuer",
    "metadata": {"name": "own", "namespace": "default"},
    "spec": {"selfSigned": {}},
}
CERTIFICATE = {
    "apiVersion": "cert-manager.io/v1",
    "kind": "Certificate",
    "metadata": {"name": "shop", "namespace": "default"},
    "spec": {"secretName": "shop-tls", "dnsNames": ["shop.example.org"], "issuerRef": {"name": "own"}},
}
DEFINITION = "issuers.cert-manager.io"


def test_certificates_are_made_and_the_add_on_leaves_nothing(one: Cluster) -> None:
    kubectl = one.kubectl
    with offered(one, NAME):
        one.customer.must("addon", "install", NAME, "-c", one.name, timeout=900)
        check_images(one, NAME)
        with pytest.raises(StepFailed, match="denied the request"):
            apply(one, {**ISSUER, "spec": {"acme": {"server": "", "privateKeySecretRef": {"name": "key"}}}})
        apply(one, ISSUER)
        apply(one, CERTIFICATE)
        first = until("the certificate is made", lambda: serial(one), seconds=120)
        kubectl.run("delete", "secret", "shop-tls")
        until("it is made anew", lambda: serial(one) not in ("", first), seconds=120)
        one.customer.must("addon", "remove", NAME, "-c", one.name, "--yes", timeout=900)
        assert kubectl.get("issuers.cert-manager.io", "own")["spec"] == ISSUER["spec"], "what the user made stays"
        one.customer.must("addon", "install", NAME, "-c", one.name, timeout=900)
        one.customer.must("addon", "remove", NAME, "-c", one.name, "--with-data", "--yes", timeout=900)
        assert NAME not in names(one)
        assert kubectl.run("get", "namespace", NAME, "--ignore-not-found") == ""
        assert kubectl.run("get", "crd", DEFINITION, "--ignore-not-found") == ""
        kinds = "clusterroles,clusterrolebindings,validatingwebhookconfigurations,mutatingwebhookconfigurations"
        assert kubectl.run("get", kinds, "-l", f"navarch.io/chosen-addon={NAME}", "-o", "name") == ""
        kubectl.run("delete", "secret", "shop-tls", "--ignore-not-found")  # certificates in Secrets stay in any case
    of_the_server(one, "catalogue", "remove", NAME, "1.1.0")


def apply(one: Cluster, made: dict[str, Any]) -> None:
    one.kubectl.run("apply", "-f", "-", stdin=json.dumps(made))


def serial(one: Cluster) -> str:
    """The certificate that there is; empty while there is none."""
    found = one.kubectl.run("get", "secret", "shop-tls", "--ignore-not-found", "-o", "jsonpath={.data.tls\\.crt}")
    return found.strip()
