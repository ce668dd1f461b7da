"""Which of a cluster's secrets who can open."""

from datetime import UTC, datetime

import pytest

from navarch.bootstrap.pki import make_cluster_secrets, make_password
from navarch.bootstrap.sealing import Sealer, Unsealable
from navarch.bootstrap.vault import close_password, close_secrets, open_password, open_secrets

APIS, WORKERS = Sealer(b"a" * 32), Sealer(b"w" * 32)


def test_the_api_opens_no_password_of_a_cluster() -> None:
    password = make_password()
    sealed = close_password(WORKERS, "cluster", password)
    assert open_password(WORKERS, "cluster", sealed) == password
    with pytest.raises(Unsealable):
        open_password(APIS, "cluster", sealed)


def test_what_the_api_opens_holds_no_password() -> None:
    secrets = make_cluster_secrets(datetime(2026, 1, 1, tzinfo=UTC))
    assert open_secrets(APIS, "cluster", close_secrets(APIS, "cluster", secrets)) == secrets
    assert b"password" not in secrets.to_bytes()


def test_one_secret_does_not_pass_for_another() -> None:
    sealed = close_password(WORKERS, "cluster", "p")
    for open_, cluster in ((open_password, "other"), (open_secrets, "cluster")):
        with pytest.raises(Unsealable):
            open_(WORKERS, cluster, sealed)
