"""Which requests for kubelet serving certificates are genuine.

A kubelet renews its serving certificate through the certificates API, and Kubernetes leaves the approval to whoever
knows the machines: Navarch does. A node that could get a certificate for another one's name or address could pose as
it before the API server.
"""

from collections.abc import Collection, Iterable, Mapping

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from navarch.domain.machines import Machine

_USAGES = {"digital signature", "key encipherment", "server auth"}
# What cryptography raises for what cannot be read, or only when it is looked at.
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)


def objection(
    request: str,
    *,
    requestor: str,
    groups: Iterable[str],
    usages: Iterable[str],
    machines: Iterable[Machine],
    addresses: Mapping[str, Collection[str]],
) -> str | None:
    """Why a request (PEM) must not be approved, or None where it may be.

    `requestor`, `groups` and `usages` are the CertificateSigningRequest's username, groups and usages; `machines` are
    the cluster's, each with its `address` among its facts; `addresses` are what the cloud says that each of them has,
    by the machine's name: its owner may have given it a floating one, which its Node shows and its kubelet asks for.
    """
    if "system:nodes" not in set(groups) or not requestor.startswith("system:node:"):
        return f"{requestor} is not a node"
    machine = next((m for m in machines if f"system:node:{m.name}" == requestor and not m.removed), None)
    if machine is None:
        return f"{requestor} is none of the cluster's machines"
    asked = set(usages)
    if "server auth" not in asked or asked - _USAGES:
        return f"usages {', '.join(sorted(asked))} are not those of a serving certificate"
    try:
        parsed = x509.load_pem_x509_csr(request.encode())
        if not parsed.is_signature_valid:
            return "its signature is wrong"
        return _wrong_subject(parsed, requestor) or _foreign_name(parsed, machine, addresses.get(machine.name, ()))
    except _UNREADABLE:
        return "not a certificate request"


def _wrong_subject(request: x509.CertificateSigningRequest, requestor: str) -> str | None:
    names = [(attribute.oid, attribute.value) for attribute in request.subject]
    if sorted(names, key=str) != sorted(
        [(NameOID.ORGANIZATION_NAME, "system:nodes"), (NameOID.COMMON_NAME, requestor)], key=str
    ):
        return f"its subject is {request.subject.rfc4514_string()}, not {requestor} of system:nodes"
    return None


def _foreign_name(request: x509.CertificateSigningRequest, machine: Machine, addresses: Collection[str]) -> str | None:
    try:
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return "it names no address"
    own = {machine.name, machine.facts.address, *addresses}
    for name in names:
        if not isinstance(name, x509.DNSName | x509.IPAddress) or str(name.value) not in own:
            return f"{name.value} does not belong to {machine.name}"
    return None
