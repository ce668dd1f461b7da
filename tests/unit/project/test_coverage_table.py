"""scripts/coverage_table.py: the report of slipcover as a person reads it."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "scripts" / "coverage_table.py"


def printed(folder: Path, **modules: tuple[int, int]) -> list[str]:
    """What it prints of modules with (covered, missing) lines; a module's name has __ for a slash."""
    files = {
        f"src/{name.replace('__', '/')}.py": {"summary": {"covered_lines": covered, "missing_lines": missing}}
        for name, (covered, missing) in modules.items()
    }
    report = folder / "coverage.json"
    report.write_text(json.dumps({"files": files}))
    done = subprocess.run([sys.executable, SCRIPT, report], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_package_is_all_of_its_modules(tmp_path: Path) -> None:
    lines = printed(tmp_path, navarch__domain__plan=(90, 10), navarch__domain__steps=(60, 40), navarch__api__app=(1, 0))
    assert [line.split() for line in lines] == [
        ["package", "lines", "reached"],
        ["navarch.api", "1", "100", "%"],
        ["navarch.domain", "200", "75", "%"],
        ["all", "201", "75", "%"],
    ]


def test_modules_of_which_tests_reach_little_are_named_the_thinnest_first(tmp_path: Path) -> None:
    lines = printed(
        tmp_path, navarch__few=(1, 40), navarch__half=(50, 50), navarch__thin=(40, 41), navarch__thinner=(0, 300)
    )
    assert [line.split() for line in lines[-2:]] == [
        ["300", "of", "300", "navarch/thinner.py"],
        ["41", "of", "81", "navarch/thin.py"],
    ]
    assert "thin" in lines[-3]


def test_a_package_without_lines_is_left_out(tmp_path: Path) -> None:
    lines = printed(tmp_path, navarch__empty__x=(0, 0), navarch__domain__plan=(1, 0))
    assert not any("navarch.empty" in line for line in lines)
