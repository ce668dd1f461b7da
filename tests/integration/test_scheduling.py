"""A pod goes where autoscaling says that it could: `make proof-scheduler` in small."""

from collections.abc import Iterator

import pytest
from tests.integration.kube_apiserver import ApiServer
from tests.scheduling.comparing import Tally, compared
from tests.scheduling.scheduler import prepare, scheduler


@pytest.fixture(scope="module")
def scheduled(kube: ApiServer) -> Iterator[ApiServer]:
    prepare(kube)
    with scheduler(kube):
        yield kube


def test_navarch_and_kube_scheduler_agree_where_pods_could_go(scheduled: ApiServer) -> None:
    tally = Tally()
    found = list(compared(scheduled.admin(), tally, pods=60, seed=2))
    assert not found, [one.document() for one in found]
    assert tally.tried >= 60 and tally.tried // 10 < tally.placed < tally.tried
