"""The command's entry: options before the command, commands that are imported only when they are used, exit codes."""

import importlib
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from navarch import __version__
from navarch.cli.exits import carry_out
from navarch.cli.options import new_app
from navarch.cli.session import Target

# name: (module, attribute or command there, what the help says)
_COMMANDS = {
    "cluster": ("navarch.cli.cluster", "Create, show, change and delete clusters."),
    "nodegroup": ("navarch.cli.nodegroup", "Node groups of a cluster: workers that are alike."),
    "addon": ("navarch.cli.addon", "Add-ons of a cluster, from the catalogue."),
    "machine": ("navarch.cli.machine", "Machines of a cluster."),
    "kubeconfig": ("navarch.cli.kubeconfig", "Kubeconfigs of a cluster: who has one, and revoking it."),
    "versions": ("navarch.cli.catalogue", "Kubernetes versions that can be had here."),
    "flavors": ("navarch.cli.catalogue", "Machine sizes."),
    "zones": ("navarch.cli.catalogue", "Availability zones."),
    "volume-types": ("navarch.cli.catalogue", "Volume types and the zones they are in."),
    "external-networks": ("navarch.cli.catalogue", "Networks that public addresses come from."),
    "quota": ("navarch.cli.catalogue", "What the project may use and what is free."),
    "doctor": ("navarch.cli.doctor", "Check a cloud before first use, and say what to fix."),
    "completion": ("navarch.cli.completion", "Print the completion script of a shell."),
}


class LazyGroup(TyperGroup):
    """Knows the commands' names and help; imports a command's module when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _COMMANDS:
            return None
        app: typer.Typer = importlib.import_module(_COMMANDS[cmd_name][0]).app
        command: Any = typer.main.get_command(app)
        if cmd_name.replace("-", "_") in {c.replace("-", "_") for c in getattr(command, "commands", {})}:
            command = command.commands[cmd_name]  # several commands in one module
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in _COMMANDS.items()])


app = new_app("Kubernetes as a service on OpenStack.")
app._add_completion = True
app.info.cls = LazyGroup


def _version(wanted: bool) -> None:
    if wanted:
        print(f"navarch {__version__}")
        raise typer.Exit


@app.callback(cls=LazyGroup)
def root(
    ctx: typer.Context,
    os_cloud: Annotated[
        str | None, typer.Option("--os-cloud", metavar="NAME", help="Cloud in clouds.yaml. [env var: OS_CLOUD]")
    ] = None,
    os_region_name: Annotated[
        str | None, typer.Option("--os-region-name", metavar="NAME", help="Region. [env var: OS_REGION_NAME]")
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Navarch's address, instead of the catalogue's. [env var: NAVARCH_ENDPOINT]"),
    ] = None,
    all_projects: Annotated[
        bool, typer.Option("--all-projects", help="Act in every project, as an operator; clusters go by id then.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Kubernetes as a service on OpenStack.

    Credentials come from clouds.yaml or OS_* variables, as with every OpenStack tool. Begin with `navarch doctor`, then
    `navarch cluster create NAME`.
    """
    ctx.obj = Target(os_cloud, os_region_name, endpoint, all_projects)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (without the program's name) and give its exit code."""
    return carry_out(app, arguments, "navarch")


def run() -> None:
    """The console script."""
    sys.exit(main())
