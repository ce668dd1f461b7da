"""Who acts in the end-to-end tests: customers, with the ordinary commands."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.customer import Kubectl
from demo.stack import Stack, command
from demo.story import kubectl_program, left_in_project


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
    """A user of one project, with nothing but the commands and OpenStack's APIs."""

    name: str
    stack: Stack
    folder: Path

    def navarch(self, *words: str, timeout: float = 600) -> Answer:
        """Run `navarch ...`."""
        done = subprocess.run(
            [command("navarch"), *words],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            env={**os.environ, **self.stack.environment(self.name), "COLUMNS": "160", "NO_COLOR": "1"},
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def must(self, *words: str, timeout: float = 600) -> Answer:
        """Run `navarch ...`; it has to work."""
        answer = self.navarch(*words, timeout=timeout)
        assert answer.code == 0, f"navarch {' '.join(words)} -> {answer.code}\n{answer.out}\n{answer.err}"
        return answer

    def cluster(self, name: str) -> Any:
        return self.must("cluster", "show", name, "-o", "json").json

    def kubectl(self, name: str) -> Kubectl:
        path = self.folder / f"{name}.kubeconfig"
        if not path.exists():
            self.must("cluster", "kubeconfig", name, "--file", str(path))
        return Kubectl(kubectl_program(), path)

    def cloud(self) -> Any:
        """OpenStack as this customer."""
        return self.stack.lab.connect(self.name)

    def left(self) -> list[str]:
        """What is in the project besides what every project has."""
        return left_in_project(self.stack.lab.clouds_file, self.name)
