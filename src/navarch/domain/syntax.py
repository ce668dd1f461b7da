"""How names, labels, taints and keys must be written. Each function gives what is wrong, or None."""

import base64
import binascii
import re

from navarch.domain.names import COMPONENT_LABEL, CONTROL_PLANE_GROUP

NAME_LENGTH = 40  # of clusters; names of their objects and machines are made from it
GROUP_NAME_LENGTH = 20  # of node groups; see `names.worker_machine`
TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
RESERVED_GROUP_NAMES = (CONTROL_PLANE_GROUP,)

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DNS_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_WORD = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_SSH_KEY = re.compile(
    r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-ssh-ed25519@openssh\.com"
    r"|sk-ecdsa-sha2-nistp256@openssh\.com) ([A-Za-z0-9+/]+={0,3})( [^\x00-\x1f\x7f]*)?"
)


def wrong_name(name: str, longest: int) -> str | None:
    """A name is an RFC 1123 label, as host names and Kubernetes ask."""
    if not _LABEL.fullmatch(name):
        return "must be lower-case letters, digits and hyphens, and begin and end with a letter or digit"
    if len(name) > longest:
        return f"must have at most {longest} characters, has {len(name)}"
    return None


def wrong_cluster_name(name: str) -> str | None:
    """A cluster is asked for by its name or its id, so that no name may be another's id."""
    wrong = wrong_name(name, NAME_LENGTH)
    if wrong is None and _ID.fullmatch(name):
        return "must not have the form of an id (a UUID): clusters are found by both"
    return wrong


def wrong_label_key(key: str) -> str | None:
    """A Kubernetes label key: an optional DNS prefix, a slash, a word of up to 63 characters."""
    prefix, slash, word = key.rpartition("/")
    if slash and (not _DNS_NAME.fullmatch(prefix) or len(prefix) > 253):
        return f"{_shown(key)}: what stands before the slash must be a DNS name"
    if not _WORD.fullmatch(word) or len(word) > 63:
        return (
            f"{_shown(key)}: a key must be up to 63 letters, digits, hyphens, underscores and dots, "
            "and begin and end with a letter or digit"
        )
    return None


def wrong_node_label_key(key: str) -> str | None:
    """A label that a node may give itself: Kubernetes keeps its own prefixes from nodes, but for one."""
    prefix = key.rpartition("/")[0]
    if key == "node.kubernetes.io/instance-type":
        return f"{_shown(key)}: the cloud controller sets it to the machine's flavor"
    if prefix != "node.kubernetes.io" and any(
        prefix == own or prefix.endswith("." + own) for own in ("kubernetes.io", "k8s.io")
    ):
        return f"{_shown(key)}: labels under kubernetes.io and k8s.io are Kubernetes' own, but for node.kubernetes.io/…"
    if key.startswith(COMPONENT_LABEL):
        return f"{_shown(key)}: which images a machine holds is not to be chosen"
    return wrong_label_key(key)


def wrong_extended_resource(name: str) -> str | None:
    """What device plugins announce: a name with a domain that is not Kubernetes' own."""
    prefix = name.rpartition("/")[0]
    if not prefix or prefix == "kubernetes.io" or prefix.endswith(".kubernetes.io"):
        return f"{_shown(name)}: must be an extended resource with its domain, as nvidia.com/gpu"
    return wrong_label_key(name)


def wrong_taint_key(key: str) -> str | None:
    """A taint that is a person's to give: those of the node's state Kubernetes and the cloud controller put there and
    take away again."""
    prefix = key.rpartition("/")[0]
    if prefix in ("node.kubernetes.io", "node.cloudprovider.kubernetes.io"):
        return f"{_shown(key)}: taints under {prefix} are Kubernetes' own: they say how a node is"
    return wrong_label_key(key)


def wrong_label_value(value: str) -> str | None:
    """A Kubernetes label value: empty, or a word of up to 63 characters."""
    if value and (not _WORD.fullmatch(value) or len(value) > 63):
        return (
            f"{_shown(value)}: a value must be up to 63 letters, digits, hyphens, underscores and dots, "
            "and begin and end with a letter or digit"
        )
    return None


def wrong_ssh_key(key: str) -> str | None:
    """One public key in OpenSSH's format, on one line."""
    match = _SSH_KEY.fullmatch(key.strip())
    if match is None:
        return "must be a public key in OpenSSH's format, such as ssh-ed25519 AAAA... me@example"
    try:
        blob = base64.b64decode(match[2], validate=True)
    except binascii.Error:
        blob = b""
    fields = _ssh_fields(blob)
    if fields is None or len(fields) < 2 or fields[0] != match[1].encode():
        return f"is not a whole {match[1]} key"
    return None


def _ssh_fields(blob: bytes) -> list[bytes] | None:
    """The fields of a key (RFC 4253: each with its length before it), or None of one that was cut short in copying."""
    fields = []
    while blob:
        length = int.from_bytes(blob[:4])
        if len(blob) < 4 + length:
            return None
        fields.append(blob[4 : 4 + length])
        blob = blob[4 + length :]
    return fields


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")
