"""What an entry cannot do without, so that it becomes healthy in the lab."""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from tests.e2e.catalogue import ADDONS
from tests.e2e.clusters import Cluster
from tests.e2e.s3 import ENDPOINT, bucket

from navarch_lab.topology import REGION

Options = tuple[str, ...]


def values(entry: str, cluster: Cluster) -> AbstractContextManager[Options]:
    """Options of `navarch addon install`; what they name is there until the block ends."""
    made = _OF.get(entry)
    return nullcontext(()) if made is None else made(cluster)


@contextmanager
def _of_registry(cluster: Cluster) -> Iterator[Options]:
    """A bucket of the customer's, and keys to it."""
    with bucket(cluster, "proof-images") as images, tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        storage: dict[str, Any] = {"endpoint": ENDPOINT, "region": REGION, "bucket": images.name}
        storage |= {"accessKey": images.access, "secretKey": images.secret}
        storage["ca"] = Path(cluster.customer.stack.lab.ca_file).read_text()
        json.dump({"storage": storage, "users": [{"name": "maker", "password": images.secret}]}, file)
        file.flush()
        yield "-f", file.name


def _of_external_dns(cluster: Cluster) -> AbstractContextManager[Options]:
    """A name server that nobody answers at: it is healthy while it has nothing to tell it."""
    return nullcontext(("-f", str(ADDONS / "external-dns" / "ci" / "ci-values.yaml")))


def _of_opentelemetry(cluster: Cluster) -> AbstractContextManager[Options]:
    """Nobody need listen there: what is not taken waits."""
    return nullcontext(("--set", "endpoint=http://logging.logging:9428/insert/opentelemetry/v1/logs"))


_OF: Mapping[str, Callable[[Cluster], AbstractContextManager[Options]]] = {
    "registry": _of_registry,
    "external-dns": _of_external_dns,
    "opentelemetry": _of_opentelemetry,
}
