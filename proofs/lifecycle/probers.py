"""Both probers beside whatever happens, each a process of its own."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep

from demo.customer import Kubectl
from demo.steps import StepFailed, tail, until

from proofs.lifecycle.asked import Asked, read

BEFORE, AFTER = 5.0, 15.0  # seconds of asking before and after what happens: it begins well, and late failures show
_ROOT = Path(__file__).parents[2]
_END = 45.0  # seconds for what is under way: three of its time-outs


@dataclass
class Answers:
    """What the probers were answered, once they have ended."""

    api: tuple[Asked, ...] = field(default=())
    workload: tuple[Asked, ...] = field(default=())


@contextmanager
def probing(kubectl: Kubectl, address: str, folder: Path, name: str) -> Iterator[Answers]:
    """Ask the API that kubectl asks, and the page at that address, from a little before to a little after. Logs are
    kept in the folder, as `NAME-api.jsonl` and `NAME-workload.jsonl`."""
    api = ("api", f"--kubeconfig={kubectl.kubeconfig}", f"--kubectl={kubectl.program}")
    workload = ("workload", f"--url=http://{address}")
    answers, processes = Answers(), dict[str, subprocess.Popen[bytes]]()
    logs = {words[0]: folder / f"{name}-{words[0]}.jsonl" for words in (api, workload)}
    try:
        for words in (api, workload):
            log = logs[words[0]]
            log.unlink(missing_ok=True)
            with log.with_suffix(".err").open("wb") as err:
                command = [sys.executable, "-m", "proofs.lifecycle.probing", *words, f"--log={log}"]
                processes[words[0]] = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=err, stderr=err, cwd=_ROOT
                )
        until("both probers have their first answer", lambda: _have_begun(processes, logs), seconds=60)
        sleep(BEFORE)
        yield answers
        sleep(AFTER)
    finally:
        codes = {which: _end(process) for which, process in processes.items()}
        answers.api, answers.workload = (read(log.read_text()) if log.exists() else () for log in logs.values())
    if any(codes.values()):
        raise StepFailed(_ended(codes, logs))


def _have_begun(processes: dict[str, subprocess.Popen[bytes]], logs: dict[str, Path]) -> bool:
    codes = {which: process.poll() or 0 for which, process in processes.items()}
    if any(codes.values()):
        raise StepFailed(_ended(codes, logs))
    return all(log.exists() and log.stat().st_size for log in logs.values())


def _end(process: subprocess.Popen[bytes]) -> int:
    """Its exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_END)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def _ended(codes: dict[str, int], logs: dict[str, Path]) -> str:
    return "\n".join(
        f"prober {which} ended with {code}\n{tail(logs[which].with_suffix('.err'))}"
        for which, code in codes.items()
        if code
    )
