"""`navarch addon …`: what the catalogue offers, and what a cluster has of it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from navarch.cli.addon_telling import flat, removal, where
from navarch.cli.addon_waiting import until_installed, until_so, until_tested
from navarch.cli.asking import confirm
from navarch.cli.entries import print_entry
from navarch.cli.options import (
    ClusterOption,
    DryRunOption,
    IfMatchOption,
    OutputOption,
    TimeoutOption,
    WaitOption,
    YesOption,
    new_app,
)
from navarch.cli.output import Column, Output, emit_data, emit_facts, emit_list, note, print_table, text
from navarch.cli.session import complete_cluster, connected
from navarch.cli.values import read_document, seconds_of
from navarch.cli.wishes import over, put

if TYPE_CHECKING:
    from navarch.client.clusters import Navarch

app = new_app("Add-ons of a cluster, from the catalogue.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the add-on.")]
EntryArgument = Annotated[str, typer.Argument(metavar="ENTRY", help="Name of the catalogue's entry.")]
SetOption = Annotated[
    list[str],
    typer.Option(
        "--set", metavar="KEY=VALUE", help="A value, by its dotted path; VALUE is YAML, null the default again; repeat."
    ),
]
ValuesOption = Annotated[
    str | None, typer.Option("--values", "-f", metavar="FILE", help="YAML of values; --set wins over it. - is stdin.")
]
EntryVersionOption = Annotated[str | None, typer.Option(metavar="VERSION", help="Of the entry. Default: the newest.")]
VersionOption = Annotated[str | None, typer.Option(metavar="VERSION", help="Default: the newest that fits.")]
_CHOSEN = (
    Column("NAME", lambda a: a["name"], keep=True),
    Column("PHASE", lambda a: a["status"]["phase"], keep=True),
    Column("ENTRY", lambda a: a["entry"]),
    Column("VERSION", lambda a: a["version"], keep=True),
    Column("UPGRADE", lambda a: a.get("upgrade")),
    Column("NAMESPACE", lambda a: a["namespace"]),
)
_REQUIRED = (
    Column("NAME", lambda a: a["name"], keep=True),
    Column("PHASE", lambda a: a["phase"], keep=True),
    Column("VERSION", lambda a: a["version"]),
    Column("WHAT IT IS", lambda a: a.get("description")),
    Column("MISSING", lambda a: a["message"]),
)
_REQUIRED_FACTS = (
    ("name", "name"),
    ("title", "title"),
    ("what it is", "description"),
    ("category", "category"),
    ("licence", "licence"),
    ("required", "required"),
    ("phase", "phase"),
    ("version", "version"),
    ("missing", "message"),
)
_DIFFERENCES = (
    Column("OBJECT", lambda d: d["object"], keep=True),
    Column("FIELD", lambda d: d["field"]),
    Column("FROM", lambda d: text(d["before"])),
    Column("TO", lambda d: text(d["after"])),
)


@app.command()
def available(ctx: typer.Context, output: OutputOption = Output.TABLE) -> None:
    """List what can be installed here, and what every cluster has: it is marked `required`."""
    with connected(ctx) as navarch:
        found = navarch.entries()
    columns = (
        Column("NAME", lambda e: e["name"], keep=True),
        Column("VERSION", lambda e: e["versions"][0]["version"], keep=True),
        Column("KUBERNETES", lambda e: e["versions"][0]["kubernetes"]),
        Column("REQUIRED", lambda e: "required" if e.get("required") else ""),
        Column("MEMORY MIB", lambda e: None if e.get("required") else e["needs"]["memory_mib"], right=True),
        Column("WHAT IT IS", lambda e: e["description"]),
    )
    emit_list(found, output, columns)


@app.command()
def values(
    ctx: typer.Context, entry: EntryArgument, version: EntryVersionOption = None, output: OutputOption = Output.TABLE
) -> None:
    """List the values that an entry takes."""
    with connected(ctx) as navarch:
        found = navarch.entry(entry, version=version)
    schema = found["values_schema"]
    if found.get("required"):
        note("Every cluster has it, and Navarch gives these values: none can be set.")
    if output is not Output.TABLE:
        emit_data(schema, output)
        return
    columns = (
        Column("VALUE", lambda v: v[0], keep=True),
        Column("TYPE", lambda v: text(v[1].get("type", ""))),
        Column("DEFAULT", lambda v: text(v[1].get("default"))),
        Column("WHAT IT IS", lambda v: v[1].get("description") or v[1].get("title", "")),
    )
    print_table(_fields(schema, ""), columns)


@app.command("list")
def list_addons(
    ctx: typer.Context,
    cluster: ClusterOption,
    required: Annotated[bool, typer.Option("--required", help="Those that every cluster has.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """List a cluster's add-ons; --required: those that every cluster has."""
    with connected(ctx) as navarch:
        found = navarch.all_addons(cluster).get("required" if required else "addons", [])
    emit_list(found, output, _REQUIRED if required else _CHOSEN)


@app.command()
def show(
    ctx: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of a cluster's add-on; without --cluster, of an entry.")
    ],
    cluster: Annotated[
        str | None, typer.Option("--cluster", "-c", help="Name or id of the cluster.", autocompletion=complete_cluster)
    ] = None,
    readme: Annotated[bool, typer.Option("--readme", help="The entry's README alone, as Markdown.")] = False,
    version: EntryVersionOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show an add-on of a cluster: how it is, who must act, its values and objects; or an entry of the catalogue.

    One that every cluster has has no values.
    """
    if cluster is not None:
        if readme or version:
            raise typer.BadParameter("--readme and --version are of the catalogue's entries: leave --cluster out")
        with connected(ctx) as navarch:
            _print_one(navarch, cluster, name, output)
        return
    with connected(ctx) as navarch:
        found = navarch.entry(name, version=version)
    if readme:
        print(found["readme"].rstrip())
    else:
        print_entry(found, output)


@app.command()
def install(
    ctx: typer.Context,
    entry: EntryArgument,
    cluster: ClusterOption,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Its name. Default: the entry's.")] = None,
    version: VersionOption = None,
    namespace: Annotated[str | None, typer.Option(metavar="NAME", help="Default: what the entry says.")] = None,
    set_: SetOption = [],  # noqa: B006 - read only, as Typer has it
    file: ValuesOption = None,
    dry_run: DryRunOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = "15m",
    output: OutputOption = Output.TABLE,
) -> None:
    """Install an entry of the catalogue into a cluster."""
    limit = seconds_of(timeout)
    asked = {"entry": entry, "name": name, "version": version, "namespace": namespace}
    body: dict[str, Any] = {key: value for key, value in asked.items() if value is not None}
    if given := _given(set_, file):
        body["values"] = given
    with connected(ctx) as navarch:
        if dry_run:
            _show_plan(navarch.plan_addon(cluster, body), output)
            return
        addon = navarch.install_addon(cluster, body)
        if wait:
            addon = until_installed(navarch, cluster, addon, limit)
    _print(addon, output)


@app.command()
def update(
    ctx: typer.Context,
    name: NameArgument,
    cluster: ClusterOption,
    set_: SetOption = [],  # noqa: B006
    file: ValuesOption = None,
    if_match: IfMatchOption = None,
    dry_run: DryRunOption = False,
    wait: WaitOption = False,
    timeout: TimeoutOption = "15m",
    output: OutputOption = Output.TABLE,
) -> None:
    """Change an add-on's values. Only what is given changes."""
    given = _given(set_, file)
    if not given:
        raise typer.BadParameter("nothing to change was given", param_hint="options")
    _change(ctx, cluster, name, {"values": given}, if_match, dry_run, seconds_of(timeout) if wait else None, output)


@app.command()
def upgrade(
    ctx: typer.Context,
    name: NameArgument,
    cluster: ClusterOption,
    version: VersionOption = None,
    if_match: IfMatchOption = None,
    dry_run: DryRunOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = "15m",
    output: OutputOption = Output.TABLE,
) -> None:
    """Bring an add-on to another version of its entry."""
    if version is None:
        with connected(ctx) as navarch:
            version = navarch.addon(cluster, name).get("upgrade")
    if version is None:
        note(f"{name} has the newest version that fits.")
        return
    _change(ctx, cluster, name, {"version": version}, if_match, dry_run, seconds_of(timeout) if wait else None, output)


@app.command()
def remove(
    ctx: typer.Context,
    name: NameArgument,
    cluster: ClusterOption,
    with_data: Annotated[
        bool,
        typer.Option(
            "--with-data/--keep-data", help="Definitions of kinds and claims go, too, with all that is in them."
        ),
    ] = False,
    no_hooks: Annotated[
        bool,
        typer.Option("--no-hooks", help="No hook of its chart runs; also for a removal that a hook holds up."),
    ] = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = "15m",
) -> None:
    """Remove an add-on from a cluster. Shows first what goes, what stays, and which hooks run."""
    limit = seconds_of(timeout)
    with connected(ctx) as navarch:
        addon = navarch.addon(cluster, name)
        told = removal(addon, with_data=with_data, no_hooks=no_hooks)
        what = f"Add-on {name} is removed from {cluster}:\n  " + "\n  ".join(told or ["it has no objects yet"])
        if dry_run:
            print(f"{what}\nNothing was done.")
            return
        if yes:
            note(what)
        else:
            confirm(what, name)
        navarch.remove_addon(cluster, name, with_data=with_data, no_hooks=no_hooks)
        if wait:
            until_so(lambda: not any(a["name"] == name for a in navarch.addons(cluster)), limit, name)


@app.command("test")
def run_tests(
    ctx: typer.Context,
    name: NameArgument,
    cluster: ClusterOption,
    dry_run: DryRunOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = "30m",
    output: OutputOption = Output.TABLE,
) -> None:
    """Run the tests of an add-on's chart (helm.sh/hook: test). The condition Tested keeps how they went."""
    limit = seconds_of(timeout)
    with connected(ctx) as navarch:
        if dry_run:
            plan = navarch.plan_addon_test(cluster, name)
            if output is not Output.TABLE:
                emit_data(plan, output)
                return
            for hook in plan["hooks"]:
                print(f"runs  {hook}, for {plan['most_seconds']} s at most")
            if plan.get("asked_at"):
                print(f"They were asked for at {plan['asked_at']} and have not ended: none would begin anew.")
            print("Nothing was done.")
            return
        addon = navarch.test_addon(cluster, name)
        if wait:
            addon = until_tested(navarch, cluster, addon, limit)
    _print(addon, output)


def _change(
    ctx: typer.Context,
    cluster: str,
    name: str,
    patch: dict[str, Any],
    if_match: int | None,
    dry_run: bool,
    limit: float | None,
    output: Output,
) -> None:
    with connected(ctx) as navarch:
        if dry_run:
            _show_plan(navarch.plan_addon_update(cluster, name, patch), output)
            return
        addon = navarch.update_addon(cluster, name, patch, if_match=if_match)
        if limit is not None:
            addon = until_installed(navarch, cluster, addon, limit)
    _print(addon, output)


def _given(words: list[str], file: str | None) -> dict[str, Any]:
    """The values of a file, with what `--set` says over them."""
    import yaml

    given: dict[str, Any] = {}
    for word in words:
        path, sign, value = word.partition("=")
        if not sign or not path:
            raise typer.BadParameter(f"{word!r} is not of the form key=value", param_hint="--set")
        try:
            put(given, path, yaml.safe_load(value))
        except yaml.YAMLError:
            raise typer.BadParameter(f"{value!r} is no YAML", param_hint="--set") from None
    return over(read_document(file), given) if file else given


def _fields(schema: dict[str, Any], path: str) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    for name, inner in (schema.get("properties") or {}).items():
        where = f"{path}.{name}" if path else name
        found += _fields(inner, where) if inner.get("properties") else [(where, inner)]
    return found


def _show_plan(plan: dict[str, Any], output: Output) -> None:
    if output is not Output.TABLE:
        emit_data(plan, output)
        return
    if plan["differences"]:
        print_table(plan["differences"], _DIFFERENCES)
        print()
    for what in plan["looked_up"]:
        print(f"It looks for {what} in the cluster: what it makes of that is not shown.")
    print("Nothing was done." if plan["differences"] else "Nothing would change.")


def _print_one(navarch: "Navarch", cluster: str, name: str, output: Output) -> None:
    """One of a cluster, chosen or required."""
    required = navarch.all_addons(cluster).get("required", [])
    its = next((a for a in required if a["name"] == name), None)
    if its is None:
        _print(navarch.addon(cluster, name), output)
    elif output is Output.TABLE:
        facts = its | {"required": "every cluster has it"}
        emit_facts([(label, facts.get(field)) for label, field in _REQUIRED_FACTS])
    else:
        emit_data(its, output)


def _print(addon: dict[str, Any], output: Output) -> None:
    if output is Output.NAME:
        print(addon["name"])
        return
    if output is not Output.TABLE:
        emit_data(addon, output)
        return
    status = addon["status"]
    facts: list[tuple[str, object]] = [
        ("name", addon["name"]),
        ("phase", status["phase"]),
        ("entry", f"{addon['entry']} {addon['version']}"),
        ("upgrade", addon.get("upgrade")),
        ("namespace", addon["namespace"]),
        ("values", "\n".join(f"{path}={text(value)}" for path, value in flat(addon["values"], ""))),
    ]
    for condition in status["conditions"]:
        said = f"{condition['status']}  {condition['reason']}: {condition['message']}"
        if condition.get("responsible"):
            said += f"\n{condition['responsible']} must act: {condition.get('remedy') or ''}"
        elif condition.get("remedy"):
            said += f"\n{condition['remedy']}"
        facts.append((condition["type"], said))
    if addon.get("needed_by"):
        facts.append(("needed by", ", ".join(addon["needed_by"])))
    facts += [("objects", "\n".join(f"{o['kind']} {where(o)}" for o in status["objects"])), ("notes", status["notes"])]
    emit_facts(facts)
