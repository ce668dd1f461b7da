"""`navarch completion SHELL`: the script that teaches a shell to complete our commands."""

from enum import StrEnum
from typing import Annotated

import typer
from typer.completion import get_completion_script  # type: ignore[attr-defined]  # has no public name

from navarch.cli.options import new_app


class Shell(StrEnum):
    """Shells whose completion can be taught."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


app = new_app("Print the completion script of a shell.")


@app.command()
def completion(shell: Annotated[Shell, typer.Argument(help="The shell.")]) -> None:
    """Print the completion script of a shell.

    bash: navarch completion bash > /etc/bash_completion.d/navarch (or source it from ~/.bashrc).
    """
    print(get_completion_script(prog_name="navarch", complete_var="_NAVARCH_COMPLETE", shell=shell.value))
