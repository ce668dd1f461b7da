"""Processes die while a cluster is made; a cluster is deleted while it is made."""

import random
import signal
import subprocess
import time

import pytest
from actors import Customer
from demo.steps import until

pytestmark = pytest.mark.timeout(900)


def test_a_creation_survives_the_death_of_its_worker_three_times_and_of_the_api(alpha: Customer) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    print(f"seed {seed}")
    stack = alpha.stack
    alpha.must("cluster", "create", "unlucky", "--workers", "1", "--no-wait")
    for number in range(3):
        time.sleep(chance.uniform(0.5, 6.0))
        stack.signal("worker", signal.SIGKILL)
        if number == 1:
            stack.signal("api", signal.SIGKILL)
            until("the API died", lambda: stack.pid("api") is None, seconds=5)
        until("the worker died", lambda: stack.pid("worker") is None, seconds=5)
        assert alpha.stack.pid("worker") is None
        stack.start()
    until(
        "the cluster is Ready all the same",
        lambda: alpha.cluster("unlucky")["status"]["phase"] == "Ready",
        seconds=420,
        every=2,
    )
    cloud, name = alpha.cloud(), f"unlucky-{alpha.cluster('unlucky')['id'][:8]}"
    assert sorted(s.name for s in cloud.compute.servers()) == [f"{name}-cp-0", f"{name}-default-1"]
    assert [v.name for v in cloud.block_storage.volumes()] == [f"{name}-etcd-0"]
    assert [b.name for b in cloud.load_balancer.load_balancers()] == [f"{name}-api"]
    assert len(list(cloud.network.ips())) == 1
    for things in (cloud.network.networks(project_id=cloud.current_project_id), cloud.network.routers()):
        assert len([t for t in things if t.name.startswith(name)]) == 1
    groups = [g.name for g in cloud.network.security_groups() if g.name.startswith(name)]
    assert sorted(groups) == [f"{name}-sg-cp", f"{name}-sg-worker"]
    assert len(list(cloud.compute.server_groups())) == 2
    alpha.must("cluster", "delete", "unlucky", "--yes", "--wait", timeout=300)
    assert alpha.left() == []


@pytest.mark.parametrize("after", [0.3, 4.0, 15.0])
def test_a_cluster_deleted_while_it_is_made_leaves_nothing(alpha: Customer, after: float) -> None:
    alpha.must("cluster", "create", "brief", "--workers", "1", "--no-wait")
    time.sleep(after)
    assert alpha.cluster("brief")["status"]["phase"] == "Progressing"
    alpha.must("cluster", "delete", "brief", "--yes", "--wait", timeout=300)
    assert alpha.left() == []


def test_a_database_that_is_away_means_503_and_the_worker_goes_on_afterwards(alpha: Customer) -> None:
    stack = alpha.stack
    database = ["navarch-server", "--config", str(stack.settings), "database"]
    from demo.stack import command

    subprocess.run([command(database[0]), *database[1:], "stop"], check=True)
    code = subprocess.run(
        ["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", f"{stack.url}/readyz"], capture_output=True, text=True
    ).stdout
    assert code == "503"
    assert stack.pid("worker") is not None
    subprocess.run([command(database[0]), *database[1:], "start"], check=True)
    alpha.must("cluster", "create", "after-all", "--workers", "0", "--wait", "--timeout", "300")
    alpha.must("cluster", "delete", "after-all", "--yes", "--wait", timeout=300)
    assert alpha.left() == []
