"""Options and arguments that several commands share, and those for the fields of a wish."""

import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from navarch.cli.fields import Field
from navarch.cli.output import Output
from navarch.cli.session import complete_cluster
from navarch.cli.wishes import Given, given_by, unsettable

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
FileOption = Annotated[
    str | None,
    typer.Option("--file", "-f", metavar="FILE", help="YAML or JSON of the request; options win over it. - is stdin."),
]
IfMatchOption = Annotated[
    int | None, typer.Option(metavar="GENERATION", help="Only if nobody changed it since that generation.")
]
IdempotencyOption = Annotated[
    str | None,
    typer.Option(metavar="KEY", help="The same key and request answer the same resource, however often they are sent."),
]


Command = Callable[..., None]


def with_fields(fields: Sequence[Field], *, unset: bool = False) -> Callable[[Command], Command]:
    """Give a command an option for each of these fields, in the place of its parameter of type `Given`, which gets what
    they say. `unset`: also one that leaves fields to Navarch again."""

    def decorated(command: Command) -> Command:
        signature = inspect.signature(command)
        place = next(p for p in signature.parameters.values() if p.annotation is Given)
        options = [_parameter(field) for field in fields] + ([_unset(fields)] if unset else [])

        def run(**values: Any) -> None:
            words = {option.name: values.pop(option.name) for option in options}
            command(**values, **{place.name: given_by(fields, words)})

        parameters: list[inspect.Parameter] = []
        for parameter in signature.parameters.values():
            parameters += options if parameter is place else [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)]
        # What Typer reads of a command:
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return run

    return decorated


def _parameter(field: Field) -> inspect.Parameter:
    option = typer.Option(*field.options, metavar=field.metavar, help=field.help, show_default=False)
    several = field.kind.type == list[str]
    return _option(field.name, field.kind.type, option, [] if several else None)


def _unset(fields: Sequence[Field]) -> inspect.Parameter:
    names = [field.option.removeprefix("--") for field in unsettable(fields)]
    text = f"Leave a field to Navarch again, to its default: {', '.join(names)}; repeat."
    option = typer.Option("--unset", metavar="FIELD", help=text, autocompletion=lambda: names, show_default=False)
    return _option("unset", list[str], option, [])


def _option(name: str, type_: Any, option: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[type_, option])


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
