"""python -m proofs.hostile [--page FILE] [--rounds N]

Starts a Navarch with real PostgreSQL before the simulated cloud, as `make play` does, in a folder of its own, and has
customers ask for their clusters while nobody attacks and while many do, in turns. No root, loopback only, about three
minutes. Exit code 1 where a goal was missed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep

from benchmarks.crowd import Ask, Crowd, Times

from navarch.playground.region import Playground, Wanted
from proofs.hostile.attackers import IDLE, JUNK_A_SECOND, SLOW

_ROOT = Path(__file__).parents[2]
_CLUSTERS, _PEOPLE, _A_SECOND = 20, 8, 20.0
_ROUND_SECONDS, _GATHER_SECONDS = 20.0, 12.0
_RATIO, _MEMORY_MIB = 2.0, 300.0


@dataclass
class Seen:
    """What customers and attackers saw. `memory`: MiB of the API's process before the first attack, and the most.
    `cpu`: seconds that it used while customers asked, quiet and attacked."""

    quiet: Times = field(default_factory=Times)
    attacked: Times = field(default_factory=Times)
    attackers: Counter[str] = field(default_factory=Counter)
    memory: tuple[float, float] = (0.0, 0.0)
    cpu: list[tuple[float, float]] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Of the 99th percentiles."""
        return self.attacked.percentile(0.99) / self.quiet.percentile(0.99)

    def missed(self) -> list[str]:
        """Goals that were not met."""
        failures = self.quiet.failures + self.attacked.failures
        before, most = self.memory
        told = [f"{len(failures)} requests of customers failed, such as {failures[0][:200]}"] if failures else []
        told += [f"p99 is {self.ratio:.2f} times as long"] if not self.ratio < _RATIO else []
        told += [f"the API grew by {most - before:.0f} MiB"] if most - before > _MEMORY_MIB else []
        return told + [f"nobody was {what}" for what in ("idle: cut off", "slow: cut off") if not self.attackers[what]]


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m proofs.hostile", description=__doc__)
    parser.add_argument("--page", type=Path, help="write the page there")
    parser.add_argument("--rounds", type=int, default=3, help="of quiet and attack")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="navarch-hostile-") as folder:
        Path(folder).chmod(0o711)  # PostgreSQL runs as a user of its own
        playground = Playground(Path(folder) / "world", Wanted(projects=("alpha",), boot_seconds=1.0, durable=True))
        playground.start()
        try:
            with Crowd(playground) as crowd:
                seen = _measure(playground, crowd, options.rounds)
        finally:
            playground.stop()
    print(page(seen, _commit()))
    if options.page:
        options.page.write_text(page(seen, _commit()))
    if missed := seen.missed():
        sys.exit("proof-hostile: " + "; ".join(missed))


def _measure(playground: Playground, crowd: Crowd, rounds: int) -> Seen:
    for number in range(_CLUSTERS):
        status, answer = crowd.call(Ask("alpha", "POST", "/clusters", {"name": f"c{number}"}))
        assert status == 202, answer
    end = monotonic() + 120
    while any(c["status"]["phase"] != "Ready" for c in crowd.call(Ask("alpha", "GET", "/clusters"))[1]["clusters"]):
        assert monotonic() < end, "the clusters do not become Ready"
        sleep(1)
    seen, port = Seen(), playground.url.rpartition(":")[2]
    before = most = _memory(playground)
    for _ in range(rounds):
        began = _cpu(playground)
        _ask(crowd, seen.quiet)
        quiet = _cpu(playground) - began
        seconds = _GATHER_SECONDS + _ROUND_SECONDS + 15  # slow readers need 30 s to be cut off
        command = [sys.executable, "-m", "proofs.hostile.attackers", port, str(seconds)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=_ROOT) as attack:
            sleep(_GATHER_SECONDS)
            began = _cpu(playground)
            _ask(crowd, seen.attacked)
            seen.cpu.append((quiet, _cpu(playground) - began))
            most = max(most, _memory(playground))
            said, _ = attack.communicate(timeout=120)
        seen.attackers.update(json.loads(said))
    seen.memory = before, most
    return seen


def _ask(crowd: Crowd, times: Times) -> None:
    asks = [
        Ask("alpha", "GET", "/clusters" if number % 4 == 0 else f"/clusters/c{number % _CLUSTERS}")
        for number in range(int(_ROUND_SECONDS * _A_SECOND))
    ]
    found = crowd.together(_PEOPLE, asks, wanted=200, a_second=_A_SECOND)
    times.seconds += found.seconds
    times.failures += found.failures


def _memory(playground: Playground) -> float:
    status = Path(f"/proc/{playground.pid('api')}/status").read_text()
    (kib,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(kib) / 1024


def _cpu(playground: Playground) -> float:
    fields = Path(f"/proc/{playground.pid('api')}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def _commit() -> str:
    git = subprocess.run(["git", "-C", _ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True)
    return git.stdout.strip()


def page(seen: Seen, commit: str) -> str:
    """What was measured, for people to read."""
    rows = [
        f"| {share:.0%} within | {quiet.percentile(share) * 1000:.0f} ms | {attacked.percentile(share) * 1000:.0f} ms |"
        for quiet, attacked in ((seen.quiet, seen.attacked),)
        for share in (0.5, 0.9, 0.99)
    ]
    told = [f"| {what} | {count} |" for what, count in sorted(seen.attackers.items())]
    before, most = seen.memory
    quiet, attacked = (sum(values) / len(seen.cpu) for values in zip(*seen.cpu, strict=True))
    lines = [
        "# Under attack",
        "",
        f"Made by `make proof-hostile` on {datetime.now().astimezone():%Y-%m-%d}, commit {commit}: one API process and "
        "one worker with real PostgreSQL before a simulated cloud, customers and attackers on the same machine, which "
        "they share with whatever else runs there. So the ratio counts, not the milliseconds.",
        "",
        f"{_PEOPLE} customers of a project with {_CLUSTERS} clusters make {_A_SECOND:.0f} requests a second: of four "
        "one lists all clusters, three show one. In turns nobody attacks, and all of these at once:",
        "",
        f"- {IDLE} connections from 50 addresses that say nothing, and come again when they are cut off,",
        f"- {SLOW} from 10 addresses that ask 40 times for the largest answer there is without a token, and read 1 KiB "
        "a second,",
        f"- {JUNK_A_SECOND} requests a second from 20 addresses with made-up tokens.",
        "",
        "| of the customers' requests | quiet | under attack |",
        "| --- | --- | --- |",
        *rows,
        f"| failed | {len(seen.quiet.failures)} of {len(seen.quiet.seconds)} "
        f"| {len(seen.attacked.failures)} of {len(seen.attacked.seconds)} |",
        "",
        f"The 99th percentile is {seen.ratio:.2f} times as long under attack (goal: less than {_RATIO:.0f}). The API's "
        f"process had {before:.0f} MiB before, {most:.0f} MiB at most; in {_ROUND_SECONDS:.0f} s it used {quiet:.1f} s "
        f"of CPU quiet and {attacked:.1f} s under attack.",
        "",
        "| what attackers saw | times |",
        "| --- | --- |",
        *told,
        "",
        "What bounds them: [security.md](security.md#what-one-caller-may-take).",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
