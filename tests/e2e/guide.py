"""docs/guide/first-cluster.md as a person would follow it: its commands, section by section."""

import os
import re
import subprocess
from pathlib import Path

from demo.stack import command
from demo.story import kubectl_program
from tests.e2e.lab_customer import LabCustomer

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "first-cluster.md"
# Done differently here: a larger cluster is only planned, no question is answered, nothing is watched.
_BY_HAND = (
    (re.compile(r"(.* --control-plane-replicas 3 .*)"), r"\1 --dry-run"),
    (re.compile(r"(navarch cluster delete .*)"), r"\1 --yes"),
    (re.compile(r"(.*) --watch"), r"\1"),
    (re.compile(r"(.*)=IMAGE(.*)"), r"\1=registry.navarch.internal/sample-web:1\2"),
)


def section(number: int) -> tuple[str, ...]:
    """The commands of a section, plans before what they plan."""
    text = PAGE.read_text()
    (body,) = re.findall(rf"^## {number}\. .*?\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    lines = [
        line.split("  #")[0].strip()
        for block in re.findall(r"```sh\n(.*?)```", body, re.DOTALL)
        for line in block.splitlines()
        if line.startswith(("navarch ", "kubectl "))
    ]
    for pattern, by_hand in _BY_HAND:
        lines = [pattern.sub(by_hand, line) for line in lines]
    return tuple(sorted(lines, key=lambda line: "--dry-run" not in line))


def follow(customer: LabCustomer, number: int, timeout: float = 600) -> str:
    """Run a section's commands in the customer's shell and folder; all must work. Gives what they printed."""
    tools = customer.folder / "bin"
    tools.mkdir(exist_ok=True)
    for name, program in (("navarch", command("navarch")), ("kubectl", kubectl_program())):
        if not (tools / name).exists():
            (tools / name).symlink_to(program)
    environment = {
        **os.environ,
        **customer.stack.environment(customer.name),
        "PATH": f"{tools}:{os.environ['PATH']}",
        "KUBECONFIG": str(customer.folder / "shop.kubeconfig"),
        "COLUMNS": "160",
    }
    said = []
    for line in section(number):
        done = subprocess.run(
            ["bash", "-ec", line],
            cwd=customer.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert done.returncode == 0, f"{line} -> {done.returncode}\n{done.stdout}\n{done.stderr}"
        said.append(done.stdout + done.stderr)
    return "\n".join(said)
