"""Kubeconfigs that are handed out."""

import base64
from datetime import timedelta

import yaml
from cryptography import x509
from tests.unit.bootstrap.joining import NOW, SECRETS, same_key

from navarch.bootstrap.kubeconfig import ADMIN_GROUP, admin_access, kubeconfig

TEXT, EXPIRES = kubeconfig(
    SECRETS,
    cluster_name="shop",
    url="https://198.51.100.9:6443",
    user="alice",
    groups=(ADMIN_GROUP,),
    kubeconfig_id="0123456789abcdef",
    ttl=timedelta(hours=8),
    now=NOW,
)


def test_a_kubeconfig_is_complete() -> None:
    config = yaml.safe_load(TEXT)
    [cluster], [context], [user] = config["clusters"], config["contexts"], config["users"]
    assert config["current-context"] == context["name"] == cluster["name"] == "shop"
    assert context["context"] == {"cluster": "shop", "user": "alice"}
    assert cluster["cluster"]["server"] == "https://198.51.100.9:6443"
    assert cluster["cluster"]["tls-server-name"] == "kubernetes", "holds whatever the public address will be"
    assert base64.b64decode(cluster["cluster"]["certificate-authority-data"]).decode() == SECRETS.ca_cert
    certificate = base64.b64decode(user["user"]["client-certificate-data"]).decode()
    assert same_key(certificate, base64.b64decode(user["user"]["client-key-data"]).decode())
    parsed = x509.load_pem_x509_certificate(certificate.encode())
    assert parsed.subject.rfc4514_string() == "CN=alice,O=navarch:kubeconfig:0123456789abcdef,O=kubeadm:cluster-admins"
    assert parsed.not_valid_after_utc == EXPIRES == NOW + timedelta(hours=8)


def test_a_kubeconfig_holds_no_key_of_the_clusters_own() -> None:
    for key in (SECRETS.ca_key, SECRETS.sa_private):
        assert key not in TEXT
        assert base64.b64encode(key.encode()).decode() not in TEXT


def test_navarchs_own_access_lasts_an_hour() -> None:
    ca, certificate, key = admin_access(SECRETS, NOW)
    parsed = x509.load_pem_x509_certificate(certificate.encode())
    assert ca == SECRETS.ca_cert
    assert parsed.subject.rfc4514_string() == "CN=navarch,O=system:masters"
    assert parsed.not_valid_after_utc == NOW + timedelta(hours=1)
    assert same_key(certificate, key)
