"""What a look that may be left out costs on the wire: one small request to a cluster's API server over TLS."""

import multiprocessing
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from time import process_time

from tests.unit.addons.hostile_server import Visit, hostile

from navarch.addons.client import KubernetesClusters
from navarch.addons.contract import Access

_ASKED, _CLUSTERS = 300, 50
_NOBODY = (
    b'{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"1"},"items":[]}'
)


@dataclass(frozen=True, slots=True)
class Glance:
    """Milliseconds of CPU on a connection that is kept, and on a new one; MiB that a kept one takes."""

    kept: float
    new: float
    mib: float


def glance() -> Glance:
    """Measured from a process of its own's server, whose part is not counted."""
    with _server() as access, KubernetesClusters() as clusters:
        clusters.pods_wait(access)
        began = process_time()
        for _ in range(_ASKED):
            clusters.pods_wait(access)
        kept = (process_time() - began) / _ASKED
        others = [replace(access, certificate=access.certificate + "\n" * n) for n in range(1, _CLUSTERS + 1)]
        before, began = _pss(), process_time()
        for other in others:
            clusters.pods_wait(other)
        new, mib = (process_time() - began) / _CLUSTERS, (_pss() - before) / _CLUSTERS
        return Glance(1000 * kept, 1000 * new, mib)


@contextmanager
def _server() -> Iterator[Access]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send(None)
        process.join(10)


def _serve(pipe: "Pipe[Access, None]") -> None:
    with tempfile.TemporaryDirectory() as folder, hostile(_answer, Path(folder)) as server:
        pipe.send(server.access)
        pipe.recv()


def _answer(visit: Visit) -> None:
    visit.say(_NOBODY, headers="Content-Type: application/json\r\n")


def _pss() -> float:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
