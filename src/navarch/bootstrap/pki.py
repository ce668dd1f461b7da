"""Keys and certificates of a cluster. Everything is EC P-256: making a whole cluster's keys takes milliseconds.

A cluster has three authorities, as kubeadm expects them: `kubernetes` (API server, kubelets, people), `etcd-ca` and
`front-proxy-ca`. Their keys are Navarch's, sealed at rest; control-plane machines get them too, because kubeadm makes
the machine's own certificates there and the controller manager signs the kubelets' requests.
"""

import base64
import ipaddress
import json
import secrets as random
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from navarch.domain.credentials import AUTHORITY_LIFETIME

# Of a node's two certificates, also of those that the controller manager signs. Nothing calls one back, so it is short;
# the kubelet renews them after two thirds of it.
KUBELET_LIFETIME = timedelta(days=30)
_CLOCK_SKEW = timedelta(minutes=5)  # a machine's clock may be behind ours when it first looks at a certificate


@dataclass(frozen=True, slots=True)
class ClusterSecrets:
    """All that must never be lost or shown: PEMs of the three authorities and of the service accounts' key pair, and
    the base64 of the 32 bytes that encrypt Secrets in etcd."""

    ca_cert: str = field(repr=False)
    ca_key: str = field(repr=False)
    etcd_ca_cert: str = field(repr=False)
    etcd_ca_key: str = field(repr=False)
    front_proxy_ca_cert: str = field(repr=False)
    front_proxy_ca_key: str = field(repr=False)
    sa_public: str = field(repr=False)
    sa_private: str = field(repr=False)
    encryption_key: str = field(repr=False)

    def to_bytes(self) -> bytes:
        """For sealing. Not encrypted."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """The reverse of `to_bytes`. Raises ValueError where it is anything else; the message quotes nothing of it."""
        try:
            document = json.loads(content)
        except ValueError:
            raise ValueError("the cluster's secrets are not JSON") from None
        names = {f.name for f in fields(cls)}
        if isinstance(document, dict):
            document.pop("cloud_password", None)  # clusters that are older than vault.PASSWORD have it here
        if not isinstance(document, dict) or set(document) != names:
            raise ValueError(f"the cluster's secrets do not have the fields {', '.join(sorted(names))}")
        if not all(isinstance(value, str) and value for value in document.values()):
            raise ValueError("a field of the cluster's secrets is empty or not text")
        return cls(**document)


def make_password() -> str:
    """A fresh password for a cluster's own Keystone user. Its end satisfies what clouds ask of passwords: letters of
    both cases, a digit, a sign."""
    return random.token_urlsafe(32) + "aA1!"


def make_cluster_secrets(now: datetime) -> ClusterSecrets:
    """Fresh keys and authorities, valid for ten years from `now`."""
    ca_cert, ca_key = _make_authority("kubernetes", now)
    etcd_ca_cert, etcd_ca_key = _make_authority("etcd-ca", now)
    front_proxy_ca_cert, front_proxy_ca_key = _make_authority("front-proxy-ca", now)
    service_accounts = ec.generate_private_key(ec.SECP256R1())
    return ClusterSecrets(
        ca_cert=ca_cert,
        ca_key=ca_key,
        etcd_ca_cert=etcd_ca_cert,
        etcd_ca_key=etcd_ca_key,
        front_proxy_ca_cert=front_proxy_ca_cert,
        front_proxy_ca_key=front_proxy_ca_key,
        sa_public=service_accounts.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode(),
        sa_private=_key_pem(service_accounts),
        encryption_key=base64.b64encode(random.token_bytes(32)).decode(),
    )


def issue_client_certificate(
    secrets: ClusterSecrets, *, user: str, groups: tuple[str, ...] = (), ttl: timedelta, now: datetime
) -> tuple[str, str]:
    """PEMs of a certificate and its key with which `user`, a member of `groups`, may speak to the Kubernetes API for
    `ttl`, but never longer than the authority itself is valid."""
    subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    subject.append(x509.NameAttribute(NameOID.COMMON_NAME, user))
    return _issue(secrets, x509.Name(subject), (ExtendedKeyUsageOID.CLIENT_AUTH,), (), ttl, now)


def issue_kubelet_serving_certificate(
    secrets: ClusterSecrets, *, node: str, address: str, now: datetime
) -> tuple[str, str]:
    """PEMs of the certificate and key under which a kubelet serves metrics, logs and exec: for the node's name and
    address, with the subject that the kubelet asks for itself when it renews, so that it takes this one as its own."""
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"system:node:{node}"),
        ]
    )
    names = (x509.DNSName(node), x509.IPAddress(ipaddress.ip_address(address)))
    return _issue(secrets, subject, (ExtendedKeyUsageOID.SERVER_AUTH,), names, KUBELET_LIFETIME, now)


def issue_serving_certificate(
    secrets: ClusterSecrets, *, name: str, now: datetime, asks_too: bool = False
) -> tuple[str, str]:
    """PEMs of the certificate and key of a part of the control plane that only the API server speaks to, under a name
    that nothing else has. `asks_too`: it also asks the API server, as the user of that name. Good for as long as the
    authority: nobody would renew it."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usages = (ExtendedKeyUsageOID.SERVER_AUTH, *((ExtendedKeyUsageOID.CLIENT_AUTH,) if asks_too else ()))
    return _issue(secrets, subject, usages, (x509.DNSName(name),), AUTHORITY_LIFETIME, now)


def _issue(
    secrets: ClusterSecrets,
    subject: x509.Name,
    usages: tuple[x509.ObjectIdentifier, ...],
    names: tuple[x509.GeneralName, ...],
    ttl: timedelta,
    now: datetime,
) -> tuple[str, str]:
    authority = x509.load_pem_x509_certificate(secrets.ca_cert.encode())
    authority_key = serialization.load_pem_private_key(secrets.ca_key.encode(), None)
    assert isinstance(authority_key, ec.EllipticCurvePrivateKey)  # noqa: S101 - made here, nowhere else
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(max(now - _CLOCK_SKEW, authority.not_valid_before_utc))
        .not_valid_after(min(now + ttl, authority.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return _certificate_pem(builder.sign(authority_key, hashes.SHA256())), _key_pem(key)


def _make_authority(name: str, now: datetime) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _certificate_pem(certificate), _key_pem(key)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _certificate_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    # kubeadm reads SEC 1 ("EC PRIVATE KEY") and writes it itself.
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()
