"""Options and arguments that several commands share."""

from typing import Annotated

import typer

from navarch.cli.output import Output
from navarch.cli.session import complete_cluster

OutputOption = Annotated[Output, typer.Option("--output", "-o", help="How to print it.")]
ClusterArgument = Annotated[
    str, typer.Argument(metavar="CLUSTER", help="Name or id of the cluster.", autocompletion=complete_cluster)
]
ClusterOption = Annotated[
    str, typer.Option("--cluster", "-c", help="Name or id of the cluster.", autocompletion=complete_cluster)
]
WaitOption = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is done, showing how it goes.")]
TimeoutOption = Annotated[str, typer.Option(help="How long to wait: 90s, 20m, 1h.", metavar="DURATION")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
LabelsOption = Annotated[list[str], typer.Option("--label", "-l", metavar="KEY=VALUE", help="Label; may be repeated.")]
IdempotencyOption = Annotated[
    str | None,
    typer.Option(metavar="KEY", help="The same key and request answer the same resource, however often they are sent."),
]


def new_app(help_: str) -> typer.Typer:
    """An app for a group of commands, with the settings that all share."""
    return typer.Typer(
        help=help_,
        no_args_is_help=True,
        rich_markup_mode=None,  # plain help: drawing it with Rich takes longer than all else
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
