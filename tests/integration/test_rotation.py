"""Secrets are sealed anew under other keys, on a real database."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.integration.some_values import a_cluster

from navarch.bootstrap.pki import make_cluster_secrets
from navarch.bootstrap.sealing import Sealer, load_keys, new_key
from navarch.bootstrap.vault import (
    PASSWORD,
    SECRETS,
    close_password,
    close_secrets,
    context,
    early_password,
    open_password,
    open_secrets,
)
from navarch.operate.rotation import retire, rotate
from navarch.store.operator_side import SealedSecret
from navarch.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres
OLD, NEW, WORKERS = b"o" * 32, b"n" * 32, b"w" * 32
KEYS = make_cluster_secrets(datetime(2026, 1, 1, tzinfo=UTC))


def clusters(store: PostgresStore, count: int, sealer: Sealer) -> list[str]:
    """Clusters with keys and password sealed by it."""
    ids = []
    for number in range(count):
        id_ = store.create_cluster(a_cluster(name=f"c{number}")).cluster.id
        store.add_secret(SealedSecret(id_, SECRETS, close_secrets(sealer, id_, KEYS)))
        store.add_secret(SealedSecret(id_, PASSWORD, close_password(sealer, id_, f"password {number}")))
        ids.append(id_)
    return ids


def test_all_is_sealed_with_the_newest_key_and_the_old_one_can_go(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("navarch.operate.rotation._PAGE", 2)
    ids = clusters(store, 3, Sealer(OLD))
    both, only_new = Sealer(NEW, OLD), Sealer(NEW)
    first = rotate(store, both, both)
    assert (first.resealed, first.current, first.done) == (6, 0, True)
    again = rotate(store, only_new, only_new)
    assert (again.resealed, again.current, again.done) == (0, 6, True)
    for number, id_ in enumerate(ids):
        keys, password = store.sealed(id_, SECRETS), store.sealed(id_, PASSWORD)
        assert keys is not None and password is not None
        assert open_secrets(only_new, id_, keys) == KEYS
        assert open_password(only_new, id_, password) == f"password {number}"


def test_one_that_was_ended_goes_on_where_it_was(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    clusters(store, 3, Sealer(OLD))
    both, exchange, left = Sealer(NEW, OLD), store.exchange_secret, [4]

    def for_a_while(secret: SealedSecret, content: bytes) -> bool:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return exchange(secret, content)

    with monkeypatch.context() as patch:
        patch.setattr(store, "exchange_secret", for_a_while)
        with pytest.raises(KeyboardInterrupt):
            rotate(store, both, both)
    then = rotate(store, both, both)
    assert (then.resealed, then.current, then.done) == (2, 4, True)


def test_what_somebody_else_wrote_meanwhile_stays(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    (id_,) = clusters(store, 1, Sealer(OLD))
    both, exchange = Sealer(NEW, OLD), store.exchange_secret

    def too_late(secret: SealedSecret, content: bytes) -> bool:
        assert exchange(secret, close_password(both, id_, "another's"))
        return exchange(secret, content)

    monkeypatch.setattr(store, "exchange_secret", too_late)
    rotation = rotate(store, both, both)
    assert (rotation.resealed, rotation.changed, rotation.done) == (0, 2, False)
    assert "run it again" in rotation.told()


def test_what_cannot_be_opened_is_named_and_left(store: PostgresStore) -> None:
    (id_,) = clusters(store, 1, Sealer(OLD))
    before = store.sealed(id_, SECRETS)
    rotation = rotate(store, Sealer(NEW), Sealer(NEW, OLD))
    assert (rotation.resealed, len(rotation.unreadable), rotation.done) == (1, 1, False)
    assert id_ in rotation.told()
    assert store.sealed(id_, SECRETS) == before


def test_a_password_that_the_api_could_open_goes_to_the_workers_alone(store: PostgresStore) -> None:
    id_ = store.create_cluster(a_cluster(name="early")).cluster.id
    sealer, workers = Sealer(OLD), Sealer(WORKERS)
    early = json.dumps(json.loads(KEYS.to_bytes()) | {"cloud_password": "p"}).encode()
    store.add_secret(SealedSecret(id_, SECRETS, sealer.seal(context(id_, SECRETS), early)))
    assert early_password(sealer, id_, store.sealed(id_, SECRETS) or b"") == "p"
    assert rotate(store, sealer, workers).done
    keys, password = store.sealed(id_, SECRETS) or b"", store.sealed(id_, PASSWORD) or b""
    assert open_password(workers, id_, password) == "p"
    assert early_password(sealer, id_, keys) is None
    assert open_secrets(sealer, id_, keys) == KEYS


def test_older_keys_are_taken_out_of_the_file(tmp_path: Path) -> None:
    path, current = tmp_path / "sealing.key", new_key()
    path.touch(mode=0o600)
    path.write_text(f"# since March\n{current}\n\n{new_key()} # until March\n{new_key()}\n")
    sealed = load_keys(path).seal("c", b"x")
    assert retire(path) == 2
    assert path.read_text() == f"{current}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert Sealer(base64.b64decode(current)).unseal("c", sealed) == b"x"
    assert retire(path) == 0
