"""Authorities and what they issue, read back with an independent eye: as a verifier would."""

import base64
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from tests.unit.bootstrap.joining import NOW, SECRETS, all_secrets, same_key

from navarch.bootstrap.pki import (
    ClusterSecrets,
    issue_client_certificate,
    issue_kubelet_serving_certificate,
    make_cluster_secrets,
)

CA = x509.load_pem_x509_certificate(SECRETS.ca_cert.encode())


@pytest.mark.parametrize(
    ("name", "subject"),
    [("ca", "CN=kubernetes"), ("etcd_ca", "CN=etcd-ca"), ("front_proxy_ca", "CN=front-proxy-ca")],
)
def test_an_authority_signs_certificates_and_nothing_forges_it(name: str, subject: str) -> None:
    certificate, key = getattr(SECRETS, f"{name}_cert"), getattr(SECRETS, f"{name}_key")
    parsed = x509.load_pem_x509_certificate(certificate.encode())
    parsed.verify_directly_issued_by(parsed)
    assert parsed.subject.rfc4514_string() == subject
    assert parsed.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert parsed.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    assert (parsed.not_valid_after_utc - NOW).days == 3650
    assert parsed.not_valid_before_utc == NOW - timedelta(minutes=5)
    assert isinstance(parsed.public_key(), ec.EllipticCurvePublicKey)
    assert same_key(certificate, key)


def test_authorities_and_clusters_share_no_key() -> None:
    other = make_cluster_secrets(NOW)
    values = list(all_secrets().values()) + list(all_secrets(other).values())
    assert len(set(values)) == len(values)


def test_the_service_accounts_keys_are_a_pair() -> None:
    private = serialization.load_pem_private_key(SECRETS.sa_private.encode(), None)
    assert private.public_key() == serialization.load_pem_public_key(SECRETS.sa_public.encode())
    assert SECRETS.sa_private.startswith("-----BEGIN EC PRIVATE KEY-----")  # what kubeadm reads


def test_secrets_are_encrypted_with_32_random_bytes() -> None:
    assert len(base64.b64decode(SECRETS.encryption_key, validate=True)) == 32


def test_a_client_certificate_is_accepted_for_clients_and_for_nothing_else() -> None:
    certificate, key = issue_client_certificate(
        SECRETS, user="alice", groups=("developers", "on-call"), ttl=timedelta(hours=8), now=NOW
    )
    parsed = x509.load_pem_x509_certificate(certificate.encode())
    parsed.verify_directly_issued_by(CA)
    assert parsed.subject.rfc4514_string() == "CN=alice,O=on-call,O=developers"
    assert list(parsed.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.CLIENT_AUTH
    ]
    assert not parsed.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not parsed.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    assert parsed.not_valid_after_utc == NOW + timedelta(hours=8)
    assert same_key(certificate, key)


def test_no_certificate_outlives_its_authority() -> None:
    certificate, _ = issue_client_certificate(SECRETS, user="alice", ttl=timedelta(days=10_000), now=NOW)
    assert x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc == CA.not_valid_after_utc


def test_a_kubelets_certificate_is_trusted_for_its_name_and_address_only() -> None:
    certificate, key = issue_kubelet_serving_certificate(SECRETS, node="web-1", address="10.0.0.21", now=NOW)
    parsed = x509.load_pem_x509_certificate(certificate.encode())
    verifier = PolicyBuilder().store(Store([CA])).time(NOW)
    verifier.build_server_verifier(x509.DNSName("web-1")).verify(parsed, [])
    with pytest.raises(VerificationError):
        verifier.build_server_verifier(x509.DNSName("web-2")).verify(parsed, [])
    names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["web-1", "10.0.0.21"]
    assert parsed.subject.rfc4514_string() == "CN=system:node:web-1,O=system:nodes"
    assert (parsed.not_valid_after_utc - NOW).days == 30
    assert same_key(certificate, key)


def test_a_certificate_of_another_cluster_is_refused() -> None:
    other = make_cluster_secrets(NOW)
    certificate, _ = issue_kubelet_serving_certificate(other, node="web-1", address="10.0.0.21", now=NOW)
    verifier = PolicyBuilder().store(Store([CA])).time(NOW).build_server_verifier(x509.DNSName("web-1"))
    with pytest.raises(VerificationError):
        verifier.verify(x509.load_pem_x509_certificate(certificate.encode()), [])


def test_secrets_survive_the_way_into_bytes_and_back() -> None:
    assert ClusterSecrets.from_bytes(SECRETS.to_bytes()) == SECRETS


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b'{"ca_cert": "x"}', b'{"more": 1}'])
def test_anything_else_is_refused_without_quoting_it(content: bytes) -> None:
    with pytest.raises(ValueError, match="cluster's secrets") as caught:
        ClusterSecrets.from_bytes(content)
    assert caught.value.__cause__ is None


def test_secrets_do_not_show() -> None:
    for shown in (repr(SECRETS), str(SECRETS), f"{SECRETS}"):
        assert shown == "ClusterSecrets()"
