"""scripts/commit-subject, which git runs on each message."""

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "commit-subject"


def check(folder: Path, message: str) -> tuple[int, str]:
    file = folder / "COMMIT_EDITMSG"
    file.write_text(message)
    done = subprocess.run([SCRIPT, file], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "message",
    [
        "plan: wait for the router\n",
        "plan, steps: wait for the router\n\nIts port comes 3 s later (make bench).\n",
        "docs/operate: name the port",
        "api: " + "ü" * 67,
        "\n# a comment of git's\nplan: wait for the router\n# another\n",
        "plan: wait\n\nbody\n# ------------------------ >8 ------------------------\ndiff --git a/x b/x\n",
        "Merge branch 'drift'",
        'Revert "plan: wait for the router"',
        "fixup! plan: wait for the router",
    ],
)
def test_it_lets_pass(tmp_path: Path, message: str) -> None:
    assert check(tmp_path, message) == (0, "")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("Wait for the router\n", "it is not `area: what`"),
        ("Plan: wait for the router\n", "it is not `area: what`"),
        ("plan:wait for the router\n", "it is not `area: what`"),
        ("", "it is not `area: what`"),
        ("api: " + "x" * 68, "it has 73 characters, 72 are allowed"),
        ("plan: wait for the router.\n", "it ends with a full stop"),
        ("plan: wait for the router\nIts port comes later.\n", "the line below it is not empty"),
    ],
)
def test_it_refuses(tmp_path: Path, message: str, said: str) -> None:
    code, errors = check(tmp_path, message)
    assert code == 1
    assert said in errors


def test_it_names_every_mistake_at_once(tmp_path: Path) -> None:
    _, errors = check(tmp_path, "W" * 73 + ".\nbody\n")
    assert len(errors.splitlines()) == 1 + 4 + 1
