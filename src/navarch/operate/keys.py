"""Makes the keys and, for a trial, the certificates that `navarch-server` needs. Never overwrites one."""

import base64
import ipaddress
import os
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = timedelta(days=825)


def make_keys(folder: Path) -> tuple[Path, ...]:
    """Sealing, report, workers' and the console's key in `folder` (0600), unless there; gives the files made."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = []
    for name in ("sealing.key", "report.key", "worker.key", "console.key"):
        path = folder / name
        if not path.exists():
            _write(path, base64.b64encode(secrets.token_bytes(32)) + b"\n")
            made.append(path)
    return tuple(made)


def make_certificates(folder: Path, names: tuple[str, ...]) -> tuple[Path, ...]:
    """A CA of its own and a server certificate for `names` (host names or addresses), unless there.

    For trials and for operators without a CA; others bring `api.crt`, `api.key` and `ca.crt` of their own.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (folder / "api.crt").exists():
        return ()
    now = datetime.now(UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "navarch api ca")])
    ca = (
        x509.CertificateBuilder()
        .subject_name(ca_name)
        .issuer_name(ca_name)
        .public_key(ca_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(False, False, False, False, False, True, True, False, False),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "navarch api")]))
        .issuer_name(ca_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_general_name(n) for n in names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    _write(folder / "api.key", _pem(key))
    _write(folder / "ca.crt", ca.public_bytes(serialization.Encoding.PEM), mode=0o644)
    _write(folder / "api.crt", certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)
    return folder / "api.key", folder / "ca.crt", folder / "api.crt"


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file that appears whole or not at all, never readable by others for a moment."""
    part = path.with_suffix(path.suffix + ".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
    part.rename(path)
