"""python -m proofs.cis [--kubeconfig FILE] [--page FILE]

Looks at the demo's cluster, or at the one that the kubeconfig (an administrator's) leads to, on this host's lab. Needs
root. Exit code 1 where a line fails.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from demo.story import CLUSTER, FOLDER, kubectl_program

from proofs.cis import collect, report


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m proofs.cis", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, default=FOLDER / f"{CLUSTER}.kubeconfig", help="%(default)s")
    parser.add_argument("--page", type=Path, help="write the page there")
    options = parser.parse_args()
    kubectl = kubectl_program()
    names = subprocess.run(
        [kubectl, f"--kubeconfig={options.kubeconfig}", "get", "nodes", "-o", "name"],
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout.split()  # fmt: skip
    nodes = {name.removeprefix("node/") for name in names}
    machines = tuple(collect.machines(nodes))
    if missing := nodes - {m.name for m in machines}:
        sys.exit(f"proof-cis: not on this host, or not readable (root?): {', '.join(sorted(missing))}")
    lines = tuple(report.lines(machines, collect.cluster(kubectl, options.kubeconfig)))
    for line in lines:
        print(f"{line.outcome:7}{line.number:12}{line.what}{f': {line.seen}' if line.seen else ''}")
    if options.page:
        roles = [sum(m.control_plane for m in machines), sum(not m.control_plane for m in machines)]
        about = f"{roles[0]} control-plane and {roles[1]} worker machines"
        options.page.write_text(report.page(lines, about))
    failed = [line.number for line in lines if line.outcome == report.FAILED]
    sys.exit(f"proof-cis: {len(failed)} lines fail: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
