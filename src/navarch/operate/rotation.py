"""`navarch-server keys rotate`: seals anew what is not sealed with the current keys, so that older ones can go.

It may be ended at any moment and begun again: each secret is exchanged by itself, if nobody changed it meanwhile, and
one that is sealed with the current key is left alone.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from navarch.bootstrap.sealing import Sealer, Unsealable, key_lines
from navarch.bootstrap.vault import PASSWORD, SECRETS, close_password, context, without_password
from navarch.store.operator_side import SealedSecret
from navarch.store.postgres import PostgresStore

_PAGE = 200


@dataclass
class Rotation:
    """What was found: secrets sealed anew, those that were current already, and those that cannot be opened."""

    resealed: int = 0
    current: int = 0
    unreadable: list[str] = field(default_factory=list)
    changed: int = 0

    @property
    def done(self) -> bool:
        """Whether no secret needs an older key."""
        return not self.unreadable and not self.changed

    def told(self) -> str:
        """In words."""
        lines = [f"sealed anew: {self.resealed}; current already: {self.current}"]
        lines += [f"cannot be opened: {why}" for why in self.unreadable]
        if self.changed:
            lines.append(f"changed by others meanwhile: {self.changed}; run it again")
        return "\n".join(lines)


def rotate(store: PostgresStore, sealer: Sealer, workers_sealer: Sealer) -> Rotation:
    """Go through all secrets once. Raises Unavailable."""
    sealers: Mapping[str, Sealer] = {SECRETS: sealer, PASSWORD: workers_sealer}
    rotation, after = Rotation(), ("", "")
    while page := store.sealed_secrets(after, limit=_PAGE):
        for secret in page:
            _exchange(store, secret, sealers, rotation)
        after = page[-1].cluster_id, page[-1].name
    return rotation


def retire(path: Path) -> int:
    """Take all keys but the current one out of a file; gives how many. To be called once nothing needs them."""
    lines = key_lines(path)
    part = path.with_suffix(path.suffix + ".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(lines[0] + "\n")
        file.flush()
        os.fsync(file.fileno())
    owner = path.stat()
    os.chown(part, owner.st_uid, owner.st_gid)
    part.rename(path)
    return len(lines) - 1


def _exchange(store: PostgresStore, secret: SealedSecret, sealers: Mapping[str, Sealer], rotation: Rotation) -> None:
    # Beside these two there are values of chosen add-ons, which the API opens as well.
    sealer, about = sealers.get(secret.name, sealers[SECRETS]), context(secret.cluster_id, secret.name)
    try:
        content = sealer.unseal(about, secret.content)
    except Unsealable as error:
        rotation.unreadable.append(error.message)
        return
    password = None
    if secret.name == SECRETS:
        content, password = without_password(content)
    if password is not None:
        # As clusters had it that are older than the workers' key: the API could open it.
        sealed = close_password(sealers[PASSWORD], secret.cluster_id, password)
        store.add_secret(SealedSecret(secret.cluster_id, PASSWORD, sealed))
    elif sealer.is_current(secret.content):
        rotation.current += 1
        return
    if store.exchange_secret(secret, sealer.seal(about, content)):
        rotation.resealed += 1
    else:
        rotation.changed += 1
