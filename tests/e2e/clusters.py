"""A cluster of the suite: what stories need of it again and again."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import psycopg
from demo.customer import Kubectl, Shop
from demo.steps import until
from tests.e2e.lab_customer import LabCustomer

from navarch.client.connect import connect


@dataclass
class Cluster:
    """A cluster and its customer. For what is not here there are the customer's `navarch`, `kubectl` and OpenStack."""

    name: str
    customer: LabCustomer

    @cached_property
    def api(self) -> Any:
        """Navarch's API as the customer, without the second that a command takes to start."""
        return connect(environ=self.customer.environment)

    def exists(self) -> bool:
        """Whether Navarch has a cluster of that name."""
        return any(found["name"] == self.name for found in self.api.clusters())

    def shown(self) -> Any:
        """The cluster as the API shows it."""
        return self.api.cluster(self.name)

    @cached_property
    def stem(self) -> str:
        """What the names of its OpenStack objects begin with."""
        return f"{self.name}-{self.shown()['id'][:8]}"

    @property
    def kubectl(self) -> Kubectl:
        """kubectl as its administrator."""
        return self.customer.kubectl(self.name)

    def renew_kubeconfig(self) -> None:
        """Ask Navarch for a kubeconfig once more: the API's address or the certificate in it may have changed."""
        self.customer.kubeconfig(self.name).unlink(missing_ok=True)
        self.customer.kubectl(self.name)

    @cached_property
    def cloud(self) -> Any:
        """OpenStack as the customer."""
        return self.customer.cloud()

    def server(self, suffix: str) -> Any:
        """Nova's record of a machine, None if there is none; `suffix` as `cp-0`."""
        return next((s for s in self.servers() if s.name == f"{self.stem}-{suffix}"), None)

    def port(self, name: str) -> Any:
        """Neutron's record of a machine's port, None if there is none."""
        return next(iter(self.cloud.network.ports(name=name)), None)

    def balancer(self) -> Any:
        """Octavia's record of the API's balancer, None if there is none."""
        return next(iter(self.cloud.load_balancer.load_balancers(name=f"{self.stem}-api")), None)

    def servers(self) -> list[Any]:
        """Nova's records of its machines."""
        return [s for s in self.cloud.compute.servers() if s.name.startswith(f"{self.stem}-")]

    def machines(self) -> set[str]:
        """Names of the machines that Navarch tells of."""
        return {machine["name"] for machine in self.api.machines(self.name)}

    def workers(self, group: str = "default") -> set[str]:
        """Names of the servers of a node group."""
        return {s.name for s in self.servers() if s.name.startswith(f"{self.stem}-{group}-")}

    def nodes(self) -> dict[str, Any]:
        """Kubernetes' nodes by name."""
        found: list[Any] = self.kubectl.get("nodes")["items"]
        return {node["metadata"]["name"]: node for node in found}

    @cached_property
    def application(self) -> Shop:
        """The sample application: two replicas, a volume, a balancer. Deployed when a story first asks for it, and left
        to those that follow."""
        shop = Shop(self.kubectl)
        shop.deploy()
        shop.wait()
        shop.read(shop.address())
        return shop

    def look_now(self) -> None:
        """Have Navarch look at it once more, now, where it would have let minutes pass. Of all that stories do, this
        alone is no command and no API: no customer can ask for it."""
        socket, cluster_id = self.customer.stack.folder / "postgres" / "run", self.shown()["id"]
        due = "UPDATE clusters SET next_look_at = now() WHERE id = %s AND lease_until IS NULL"
        with psycopg.connect(f"host={socket} dbname=navarch user=navarch", autocommit=True) as connection:

            def not_being_looked_at() -> bool:
                return connection.execute(due, (cluster_id,)).rowcount == 1

            until("no worker is just looking at it", not_being_looked_at, seconds=120, every=0.1)
            connection.execute("NOTIFY navarch_work")

    def explained(self, what: str) -> str:
        """`what`, with the cluster's conditions and the end of its timeline."""
        events = self.customer.navarch("cluster", "events", self.name).out.splitlines()[-30:]
        conditions = self.shown()["status"]["conditions"]
        said = [f"  {c['type']} {c['status']} {c['reason']}: {c['message']}" for c in conditions]
        return "\n".join([what, *said, *events])

    def close(self) -> None:
        """Let its connections go."""
        for name in ("api", "cloud"):
            if name in self.__dict__:
                getattr(self, name).__exit__(None, None, None)
