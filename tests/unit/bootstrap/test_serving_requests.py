"""Requests for kubelet serving certificates: the genuine one, and those of nodes that want to be another."""

import ipaddress
from dataclasses import replace

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from joining import control_plane, worker

from navarch.bootstrap.serving import objection

MACHINES = (control_plane(0), worker(1), worker(2))
NODE = "system:node:shop-3f2a91bc-web-1"
GROUPS = ("system:nodes", "system:authenticated")
USAGES = ("digital signature", "server auth")


def request(
    common_name: str = NODE,
    organization: str = "system:nodes",
    names: tuple[str, ...] = ("shop-3f2a91bc-web-1",),
    addresses: tuple[str, ...] = ("10.0.0.21",),
) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
    ]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    alternatives = [
        *(x509.DNSName(name) for name in names),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in addresses),
    ]
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def judged(text: str, **changes: object) -> str | None:
    values: dict[str, object] = {"requestor": NODE, "groups": GROUPS, "usages": USAGES, "machines": MACHINES}
    return objection(text, **(values | changes))  # type: ignore[arg-type]


def test_a_kubelet_gets_a_certificate_for_its_own_name_and_address() -> None:
    assert judged(request()) is None
    assert judged(request(names=())) is None


def test_nobody_gets_one_for_another_nodes_address() -> None:
    assert judged(request(addresses=("10.0.0.22",))) == "10.0.0.22 does not belong to shop-3f2a91bc-web-1"


def test_nobody_gets_one_for_another_name() -> None:
    assert judged(request(names=("kubernetes.default",))) == "kubernetes.default does not belong to shop-3f2a91bc-web-1"


def test_nobody_gets_one_with_another_subject() -> None:
    assert "subject" in (judged(request(common_name="system:node:shop-3f2a91bc-web-2")) or "")
    assert "subject" in (judged(request(organization="system:masters")) or "")


def test_only_nodes_may_ask() -> None:
    assert judged(request(), requestor="alice") == "alice is not a node"
    assert judged(request(), groups=("system:authenticated",)) == f"{NODE} is not a node"


def test_only_the_clusters_machines_may_ask() -> None:
    assert judged(request(), machines=MACHINES[:1]) == f"{NODE} is none of the cluster's machines"
    gone = replace(MACHINES[1], removed=True)
    assert judged(request(), machines=(gone,)) == f"{NODE} is none of the cluster's machines"


def test_the_certificate_is_for_serving_only() -> None:
    assert "usages" in (judged(request(), usages=("client auth",)) or "")
    assert "usages" in (judged(request(), usages=("server auth", "client auth")) or "")


def test_a_request_that_cannot_be_read_is_refused() -> None:
    assert judged("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n") is not None
    assert judged(request(names=(), addresses=())) == "it names no address"
