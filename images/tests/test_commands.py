from collections.abc import Callable

import pytest

from navarch_images.commands import follow, run
from navarch_images.errors import BuildError


def test_output_is_heard_line_by_line_from_both_streams() -> None:
    heard: list[str] = []
    follow("talk", ["sh", "-c", "echo one; echo two >&2; printf three"], heard.append)
    assert sorted(heard) == ["one", "three", "two"]


def test_the_cpu_seconds_are_those_of_the_command_and_its_children() -> None:
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    used = follow("work", ["sh", "-c", f"python3 -c '{busy}'; true"], lambda line: None)
    assert 0.25 < used < 5


@pytest.mark.parametrize("call", [run, lambda what, argv: follow(what, argv, lambda line: None)])
def test_a_failure_names_the_step_the_code_and_the_end_of_the_output(call: Callable[[str, list[str]], object]) -> None:
    with pytest.raises(BuildError, match=r"(?s)step: sh ended with 7:.*the reason"):
        call("step", ["sh", "-c", "echo the reason >&2; exit 7"])


@pytest.mark.parametrize("call", [run, lambda what, argv: follow(what, argv, lambda line: None)])
def test_a_program_that_is_not_there_is_named(call: Callable[[str, list[str]], object]) -> None:
    with pytest.raises(BuildError, match="step: no program /nowhere/tool"):
        call("step", ["/nowhere/tool"])
