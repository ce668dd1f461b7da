"""The commands in the guide are commands: each is parsed, with its options, without being run."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from navarch.cli.exits import Exit
from navarch.cli.main import _COMMANDS, app

GUIDE = Path(__file__).parents[3] / "docs" / "guide"


def in_blocks(text: str) -> list[str]:
    """Lines of shell blocks that call `navarch`."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ")
    return [line for line in blocks.splitlines() if line.startswith("navarch ")]


ROOT = Path(__file__).parents[3]
PAGES = sorted([*GUIDE.glob("*.md"), *(ROOT / "docs" / "operate").glob("*.md"), ROOT / "README.md"])


@pytest.mark.parametrize(("page", "line"), [(p.name, line) for p in PAGES for line in in_blocks(p.read_text())])
def test_a_command_of_the_guide_is_understood(page: str, line: str) -> None:
    words = shlex.split(line.split(" > ")[0], comments=True)[1:]
    command: Any = typer.main.get_command(app)
    context = command.make_context("navarch", list(words))
    while hasattr(command, "list_commands"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_in_the_text_exist(page: Path) -> None:
    for line in re.findall(r"`navarch ([^`\n]+)`", page.read_text()):
        command: Any = typer.main.get_command(app)
        for word in line.split():
            if not word[0].islower() or not hasattr(command, "list_commands"):
                break
            context = typer.Context(command, info_name="navarch")
            found = command.get_command(context, word)
            assert found is not None, line
            command = found


def test_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in [*PAGES, *(ROOT / "docs" / "develop").glob("*.md")]:
        for target in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE):
            assert target in targets, f"{page.name}: make {target}"


def test_the_guide_has_every_command_and_every_exit_code() -> None:
    text = (GUIDE / "cli.md").read_text()
    for name in _COMMANDS:
        assert re.search(rf"[` ]{name}\b", text), name
    table = text[text.index("## Exit codes") :]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)] == [code.value for code in Exit]


def test_a_wrong_command_would_be_noticed() -> None:
    command: Any = typer.main.get_command(app)
    context = command.make_context("navarch", ["cluster", "create", "x", "--wokers", "2"])
    _, cluster, rest = command.resolve_command(context, [*context._protected_args, *context.args])
    context = cluster.make_context("cluster", rest, parent=context)
    _, create, rest = cluster.resolve_command(context, [*context._protected_args, *context.args])
    with pytest.raises(Exception, match="wokers"):
        create.make_context("create", rest, parent=context)
