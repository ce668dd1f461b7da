"""`python -m tests.scheduling --pods 5000`: thousands of pods, and docs/scheduling.md."""

import argparse
import contextlib
import json
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import process_time

from tests.integration.kube_apiserver import VERSION, api_server
from tests.scheduling.comparing import Disagreement, Tally, compared
from tests.scheduling.scheduler import prepare, scheduler


def main() -> int:
    """How many disagreements there were."""
    parser = argparse.ArgumentParser(prog="python -m tests.scheduling", description=__doc__)
    parser.add_argument("--pods", type=int, default=5000, help="how many are tried")
    parser.add_argument("--seed", type=int, default=1, help="what is made up")
    parser.add_argument("--page", type=Path, help="where the outcome is written")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tally, found, began = Tally(), list[Disagreement](), process_time()
    with tempfile.TemporaryDirectory(prefix="navarch-scheduling-") as folder, api_server(Path(folder)) as kube:
        prepare(kube)
        with scheduler(kube), contextlib.suppress(KeyboardInterrupt):  # what was tried by then counts
            for disagreement in compared(kube.admin(), tally, pods=asked.pods, seed=asked.seed):
                found.append(disagreement)
                print(json.dumps(disagreement.document(), indent=1), flush=True)
    print(f"{tally}, {len(found)} disagreements, {process_time() - began:.0f} s of CPU here")
    if asked.page is not None:
        asked.page.write_text(_page(tally, found, asked.seed))
    return min(len(found), 100)


def _page(tally: Tally, found: list[Disagreement], seed: int) -> str:
    known = "\n".join(f"- {one.summary}" for one in found) or "None."
    return f"""# Autoscaling's filters against kube-scheduler

`make proof-scheduler` makes up clusters and pods, and asks kube-scheduler and Navarch where each pod could go. Both see
the same objects of a real API server; there is no kubelet. A pod is tried alone on a fixed state: they agree if the
scheduler's node is one of those that Navarch finds, or if neither finds any. The pods ask for CPU, memory, disk, GPUs
and huge pages, with init containers, sidecars, overhead and requests of whole pods; they have node selectors and
affinity, tolerations, affinity and anti-affinity to pods with namespaces by label, topology spread, host ports, and
claims: bound, to be bound, missing, of one pod alone, shared, with zones, classes, a chosen node and attach limits. Of
the pods that are there some are being resized.

| | |
| --- | --- |
| date | {datetime.now(UTC):%Y-%m-%d} |
| Kubernetes | {VERSION} |
| seed | {seed} |
| pods tried | {tally.tried} |
| placed by the scheduler | {tally.placed} |
| refused by the API server, so not tried | {tally.refused} |
| the same only at a second look | {tally.late} |
| disagreements | {len(found)} |

## Disagreements

{known}

## Not compared

Preemption, resource claims (DRA), pods that are scheduled together, CSIStorageCapacity, batches of pods (the scheduler
chooses by score and chance), and features that only some kubelets declare. On purpose Navarch takes the room of a pod
that is ending for free, and plans without nodes that are not Ready.
"""


if __name__ == "__main__":
    sys.exit(main())
