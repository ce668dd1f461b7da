"""A cluster's keys as the store keeps them: one sealed secret per cluster, bound to the cluster's id."""

from navarch.bootstrap.pki import ClusterSecrets
from navarch.bootstrap.sealing import Sealer

SECRETS = "secrets"  # the name under which the store keeps them


def close_secrets(sealer: Sealer, cluster_id: str, secrets: ClusterSecrets) -> bytes:
    """Seal a cluster's keys for the store."""
    return sealer.seal(_context(cluster_id), secrets.to_bytes())


def open_secrets(sealer: Sealer, cluster_id: str, sealed: bytes) -> ClusterSecrets:
    """The keys in what the store kept. Raises Unsealable."""
    return ClusterSecrets.from_bytes(sealer.unseal(_context(cluster_id), sealed))


def _context(cluster_id: str) -> str:
    return f"{cluster_id}/{SECRETS}"
