"""A cluster's secrets as the store keeps them, each bound to the cluster's id: its keys, which the API opens too when a
machine joins or a person gets a kubeconfig; what its customer set of chosen add-ons; and the password of its own
Keystone user, which can act in the customer's project, and which only workers can open: it is sealed with a key of
theirs."""

import json
from collections.abc import Mapping
from typing import Any

from navarch.bootstrap.pki import ClusterSecrets
from navarch.bootstrap.sealing import Sealer

SECRETS, PASSWORD = "secrets", "cloud-password"  # the names under which the store keeps them


def close_secrets(sealer: Sealer, cluster_id: str, secrets: ClusterSecrets) -> bytes:
    """Seal a cluster's keys for the store."""
    return sealer.seal(context(cluster_id, SECRETS), secrets.to_bytes())


def open_secrets(sealer: Sealer, cluster_id: str, sealed: bytes) -> ClusterSecrets:
    """The keys in what the store kept. Raises Unsealable."""
    return ClusterSecrets.from_bytes(sealer.unseal(context(cluster_id, SECRETS), sealed))


def close_password(workers_sealer: Sealer, cluster_id: str, password: str) -> bytes:
    """Seal the password of a cluster's Keystone user for the store."""
    return workers_sealer.seal(context(cluster_id, PASSWORD), password.encode())


def open_password(workers_sealer: Sealer, cluster_id: str, sealed: bytes) -> str:
    """The password in what the store kept. Raises Unsealable."""
    return workers_sealer.unseal(context(cluster_id, PASSWORD), sealed).decode()


def close_values(sealer: Sealer, cluster_id: str, addon: str, values: Mapping[str, Any]) -> bytes:
    """Seal what a customer set of a chosen add-on: there may be passwords in it."""
    return sealer.seal(context(cluster_id, f"addon/{addon}"), json.dumps(values, sort_keys=True).encode())


def open_values(sealer: Sealer, cluster_id: str, addon: str, sealed: bytes) -> dict[str, Any]:
    """The values in what the store kept. Raises Unsealable."""
    values: dict[str, Any] = json.loads(sealer.unseal(context(cluster_id, f"addon/{addon}"), sealed))
    return values


def without_password(secrets: bytes) -> tuple[bytes, str | None]:
    """A cluster's keys as they were sealed, and the password that was once kept with them; None: it is not there."""
    document = json.loads(secrets)
    password = document.pop("cloud_password", None)
    return (secrets, None) if password is None else (json.dumps(document).encode(), str(password))


def early_password(sealer: Sealer, cluster_id: str, sealed: bytes) -> str | None:
    """The password where it was kept with the keys; None: it is not there. Raises Unsealable."""
    return without_password(sealer.unseal(context(cluster_id, SECRETS), sealed))[1]


def context(cluster_id: str, name: str) -> str:
    """What a secret of that name is sealed for."""
    return f"{cluster_id}/{name}"
