"""Machines that ask to join, and their answers in a form that a person can read and compare."""

import base64
import ipaddress
import re
from dataclasses import replace
from datetime import UTC, datetime

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from navarch.bootstrap.join import File, JoinAnswer, JoinFacts
from navarch.bootstrap.pki import ClusterSecrets, make_cluster_secrets
from navarch.domain.machines import Machine, MachineFacts, template_of
from navarch.domain.offer import Release
from navarch.domain.spec import (
    Cluster,
    ClusterSpec,
    ControlPlaneSpec,
    NetworkSpec,
    NodeGroup,
    NodeGroupSpec,
    Role,
    Taint,
    VolumeSpec,
)

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
SECRETS = make_cluster_secrets(NOW)
CLUSTER = Cluster(
    id="3f2a91bc-5d1e-4f7a-9a39-000000000000",
    name="shop",
    project_id="project-a",
    spec=ClusterSpec(
        "1.37.2",
        Release("1.37.2", "image", "node-1.37.2", "b", (("etcd", "3.6.8-0"), ("coredns", "v1.14.7"))),
        NetworkSpec("public", "public-id"),
        ControlPlaneSpec("m1.medium", VolumeSpec("ssd", 10), 3),
    ),
    created_at=NOW,
    node_groups=(
        NodeGroup(
            "web",
            NodeGroupSpec(
                "m1.small",
                labels=(
                    ("example.org/tier", "front"),
                    ("navarch.io/node-group", "not-this"),
                    ("node-role.kubernetes.io/control-plane", ""),
                    ("topology.kubernetes.io/zone", "elsewhere"),
                ),
                taints=(Taint("dedicated", "NoSchedule", "web"), Taint("fresh", "PreferNoSchedule")),
            ),
        ),
    ),
)
NODE = "system:node:shop-3f2a91bc-web-1"


def control_plane(place: int) -> Machine:
    """The machine in a control-plane place."""
    facts, name = MachineFacts(f"10.0.0.1{place}", f"{place}a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"), f"cp-{place}"
    template = template_of(CLUSTER, "cp")
    return Machine(f"shop-3f2a91bc-{name}", Role.CONTROL_PLANE, "cp", place, "z1", NOW, template, facts=facts)


def worker(number: int, group: str = "web") -> Machine:
    """A worker."""
    name, template = f"shop-3f2a91bc-{group}-{number}", template_of(CLUSTER, group)
    return Machine(name, Role.WORKER, group, number, "z1", NOW, template, facts=MachineFacts(f"10.0.0.2{number}"))


def facts(machine: Machine, *, peers: tuple[int, ...] = (), cluster: Cluster = CLUSTER) -> JoinFacts:
    """What is known once the balancer has its addresses."""
    return JoinFacts(cluster, machine, "10.0.0.5", "198.51.100.9", peers)


def with_replicas(replicas: int) -> Cluster:
    """The cluster with so many control-plane places."""
    return replace(
        CLUSTER, spec=replace(CLUSTER.spec, control_plane=replace(CLUSTER.spec.control_plane, replicas=replicas))
    )


def readable(answer: JoinAnswer) -> str:
    """An answer as YAML: documents opened, certificates described, keys named but not shown, programs by first line."""
    document = {
        "steps": [
            f"{step.phase}: {' '.join(step.argv)} (within {step.timeout_seconds:g} s, "
            f"again for {step.retry_for_seconds:g} s)"
            for step in answer.steps
        ],
        "files": {f"{file.path} {file.mode}": _content(file) for file in answer.files},
    }
    return yaml.safe_dump(document, sort_keys=False, width=200)


def _content(file: File) -> object:
    if file.content.startswith("#!"):
        return f"program: {file.content.splitlines()[1].strip('# ')}"
    text = _without_secrets(file.content)
    if file.path.endswith((".yaml", ".conf")) and "apiVersion" in text:
        return list(yaml.safe_load_all(text))
    return text


def _without_secrets(text: str) -> str:
    for name in ("ca_cert", "etcd_ca_cert", "front_proxy_ca_cert"):
        certificate = getattr(SECRETS, name)
        text = text.replace(certificate, f"<{name}>\n").replace(_base64(certificate), f"<{name}>")
    for name in ("ca_key", "etcd_ca_key", "front_proxy_ca_key", "sa_private", "sa_public", "encryption_key"):
        text = text.replace(getattr(SECRETS, name), f"<{name}>")
    text = re.sub(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", _describe, text, flags=re.DOTALL)
    return re.sub(
        r"-----BEGIN EC PRIVATE KEY-----.*?-----END EC PRIVATE KEY-----\n", "<its key>\n", text, flags=re.DOTALL
    )


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _describe(match: re.Match[str]) -> str:
    certificate = x509.load_pem_x509_certificate(match.group().encode())
    days = (certificate.not_valid_after_utc - NOW).days
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        also = " for " + ", ".join(str(name.value) for name in names)
    except x509.ExtensionNotFound:
        also = ""
    return f"<certificate of {certificate.subject.rfc4514_string()}{also}, {days} days>\n"


def same_key(certificate: str, key: str) -> bool:
    """Whether a certificate (PEM) is of this key (PEM)."""
    public = serialization.load_pem_private_key(key.encode(), None).public_key()
    return x509.load_pem_x509_certificate(certificate.encode()).public_key() == public


def all_secrets(secrets: ClusterSecrets = SECRETS) -> dict[str, str]:
    """Every field that must not show."""
    return {name: getattr(secrets, name) for name in ClusterSecrets.__slots__}


def request(
    common_name: str = NODE,
    organization: str = "system:nodes",
    names: tuple[str, ...] = ("shop-3f2a91bc-web-1",),
    addresses: tuple[str, ...] = ("10.0.0.21",),
    san: bytes | None = None,
) -> str:
    """A request (PEM) for a serving certificate; as it is, the genuine one of worker(1). `san`: the DER of its names,
    whatever that is."""
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
    if san is not None:
        builder = builder.add_extension(
            x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, san), critical=False
        )
    elif alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
