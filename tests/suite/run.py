"""Running stages: lanes side by side, a log for each stage, its seconds of clock and processor."""

import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from tests.suite.stages import Stage

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Ended:
    """A stage that ran: seconds of the clock, seconds of processor that its own processes used (not those of daemons
    that it started), and how many of the machine's cores were busy meanwhile, whoever kept them so."""

    stage: Stage
    seconds: float
    cpu_seconds: float
    busy_cores: float
    code: int
    log: Path

    @property
    def well(self) -> bool:
        """Whether it did what it should."""
        return self.code == 0


@dataclass
class Run:
    """One run of stages. `environment` gives what stages with `lab` need beside this process's own variables. `tell` is
    called when a stage begins (None) and when it ended, from the lanes' threads, by one at a time."""

    stages: Sequence[Stage]
    folder: Path
    environment: Callable[[], Mapping[str, str]]
    tell: Callable[[Stage, Ended | None], None]
    ended: list[Ended] = field(default_factory=list)

    def __post_init__(self) -> None:
        names = [stage.name for stage in self.stages]
        unknown = {name for stage in self.stages for name in stage.after} - set(names)
        assert not unknown, f"no such stage: {', '.join(sorted(unknown))}"
        assert len(set(names)) == len(names), "two stages of one name"
        self._changed = threading.Condition()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._stopping = False

    def start(self) -> list[threading.Thread]:
        """Begin with every lane; a lane is a thread."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lanes = dict.fromkeys(stage.lane for stage in self.stages)
        threads = [threading.Thread(target=self._lane, args=(lane,), name=lane) for lane in lanes]
        for thread in threads:
            thread.start()
        return threads

    def stop(self) -> None:
        """Begin nothing more, and ask what runs to end."""
        with self._changed:
            self._stopping = True
            for process in self._processes.values():
                process.terminate()
            self._changed.notify_all()

    @property
    def well(self) -> bool:
        """Whether every stage ran and did what it should."""
        return len(self.ended) == len(self.stages) and all(ended.well for ended in self.ended)

    def log(self, stage: Stage) -> Path:
        """Where its output goes."""
        return self.folder / f"{stage.slug}.log"

    def timings(self, stage: Stage) -> Path:
        """Where a stage of tests writes how long each took, as JUnit's XML."""
        return self.folder / f"{stage.slug}.xml"

    def _lane(self, lane: str) -> None:
        for stage in self.stages:
            if stage.lane == lane:
                if not self._may_begin(stage):
                    return
                self._run(stage)

    def _may_begin(self, stage: Stage) -> bool:
        """Wait for what it comes after. False as soon as any stage failed: what has not begun then does not begin."""

        def settled() -> bool:
            return self._stopping or self._failed() or set(stage.after) <= {e.stage.name for e in self.ended}

        with self._changed:
            self._changed.wait_for(settled)
            return not self._stopping and not self._failed()

    def _failed(self) -> bool:
        return any(not ended.well for ended in self.ended)

    def _run(self, stage: Stage) -> None:
        with self._changed:
            self.tell(stage, None)
        began, busy = monotonic(), _busy_seconds()
        code, cpu_seconds = self._carry_out(stage)
        seconds = monotonic() - began
        cores = (_busy_seconds() - busy) / seconds if seconds else 0.0
        ended = Ended(stage, seconds, cpu_seconds, cores, code, self.log(stage))
        with self._changed:
            self.ended.append(ended)
            self.tell(stage, ended)
            self._changed.notify_all()

    def _carry_out(self, stage: Stage) -> tuple[int, float]:
        """Exit code, and seconds of processor of all its processes that were waited for."""
        variables = {**os.environ}
        if stage.tests:
            variables["PYTEST_ADDOPTS"] = f"--junit-xml='{self.timings(stage)}'"
        with self.log(stage).open("wb") as log:
            try:
                variables.update(self.environment() if stage.lab else {})
                with self._changed:
                    process = subprocess.Popen(
                        stage.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=variables
                    )
                    self._processes[stage.name] = process
                    if self._stopping:
                        process.terminate()
            except Exception as error:  # noqa: BLE001 - whatever it is, the stage has failed and its log says why
                log.write(f"cannot be run: {error}\n".encode())
                return 1, 0.0
            _, status, usage = os.wait4(process.pid, 0)
        with self._changed:
            process.returncode = os.waitstatus_to_exitcode(status)
            del self._processes[stage.name]
        return process.returncode, usage.ru_utime + usage.ru_stime


def _busy_seconds() -> float:
    """Seconds in which the machine's cores did something since it was started, all cores added."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    user, nice, system, _, _, irq, softirq, _ = (int(word) for word in words)
    return (user + nice + system + irq + softirq) / _TICKS
