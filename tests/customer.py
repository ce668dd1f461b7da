"""A customer in a test: the command `navarch`, and nothing of the service's inside."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_NAVARCH = str(Path(sys.executable).with_name("navarch"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Customer:
    """A user of one project. `environment`: what OpenStack's tools need to act as that user."""

    name: str
    environment: Mapping[str, str]

    def navarch(self, *words: str, timeout: float = 600) -> Answer:
        """Run `navarch ...`; `timeout` in seconds."""
        done = subprocess.run(
            [_NAVARCH, *words],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
            env={**os.environ, **self.environment, "COLUMNS": "160", "NO_COLOR": "1"},
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def must(self, *words: str, timeout: float = 600) -> Answer:
        """Run `navarch ...`; it has to work."""
        answer = self.navarch(*words, timeout=timeout)
        assert answer.code == 0, f"navarch {' '.join(words)} -> {answer.code}\n{answer.out}\n{answer.err}"
        return answer

    def cluster(self, name: str) -> Any:
        """The cluster as the API shows it."""
        return self.must("cluster", "show", name, "-o", "json").json
