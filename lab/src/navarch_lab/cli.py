"""The command `navarch-lab`."""

import json
import os
import sys
from typing import Annotated

import typer

from navarch_lab.layout import Layout
from navarch_lab.progress import LabError, Progress

app = typer.Typer(
    help="A real OpenStack on this machine, for trying, developing and testing Navarch.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
fault_app = typer.Typer(help="Bad luck on order: machines, hosts, networks and APIs.", no_args_is_help=True)
app.add_typer(fault_app, name="fault")
Server = Annotated[str, typer.Argument(help="server id, the beginning of it, or its name")]
Host = Annotated[str, typer.Argument(help="compute host: cmp1 to cmp4")]


def run() -> None:
    """Entry point. Exit codes: 0 done, 1 could not be done (the message says why and what to do), 2 wrong usage."""
    try:
        app()
    except LabError as error:
        print(f"navarch-lab: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("navarch-lab: interrupted; the same command goes on where it stopped", file=sys.stderr)
        # At once: a step that still waits in a thread would keep the command alive for minutes.
        os._exit(130)


@app.command()
def install() -> None:
    """Install Debian packages, the OpenStack services and OVS/OVN. Nothing is started."""
    from navarch_lab.install import install as install_all

    install_all(Layout.from_environment(), Progress())


@app.command()
def up() -> None:
    """Start the lab, or what is missing of it, and wait until it takes orders."""
    from navarch_lab.lab import up as bring_up

    bring_up(Layout.from_environment(), Progress())


@app.command()
def down() -> None:
    """Stop everything, machines included. State stays; `up` brings it all back."""
    from navarch_lab.teardown import down as take_down

    take_down(Layout.from_environment(), Progress())


@app.command()
def destroy() -> None:
    """Stop everything and remove the lab's state. Caches stay."""
    from navarch_lab.teardown import destroy as remove

    remove(Layout.from_environment(), Progress())


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Show each service (state, PID, memory, log) and each host with its machines. Exit code 3 unless all is up."""
    from navarch_lab.status import look

    seen = look(Layout.from_environment())
    if as_json:
        print(json.dumps(seen.as_json(), indent=1))
    else:
        from navarch_lab.tables import show_status

        show_status(seen)
    if seen.state != "up":
        raise typer.Exit(3)


@app.command()
def env() -> None:
    """Write clouds.yaml and print the exports that point OpenStack's tools at it: eval "$(navarch-lab env)"."""
    from navarch_lab import clouds

    layout = Layout.from_environment()
    if not layout.secrets_file.exists():
        raise LabError("there is no lab yet", remedy="navarch-lab up")
    clouds.write(layout)
    print(clouds.exports(layout), end="")


@app.command()
def check() -> None:
    """Ask every API something over its public endpoint, and the resolver a name."""
    from navarch_lab.check import check_endpoints

    check_endpoints(Layout.from_environment(), Progress())


@fault_app.command("kill-machine")
def kill_machine(server: Server) -> None:
    """Cut a machine's power."""
    from navarch_lab import faults

    print(f"power cut: {faults.kill_machine(Layout.from_environment(), server)}")


@fault_app.command("cut-network")
def cut_network(
    server: Server, restore: Annotated[bool, typer.Option("--restore", help="plug the cables in again")] = False
) -> None:
    """Pull all of a machine's network cables."""
    from navarch_lab import faults

    cables = faults.cut_network(Layout.from_environment(), server, restore=restore)
    print(f"{'plugged in' if restore else 'pulled'}: {' '.join(cables)}")


@fault_app.command("stop-host")
def stop_host(host: Host) -> None:
    """Cut a compute host's power: its machines die with it."""
    from navarch_lab import faults

    machines = faults.stop_host(Layout.from_environment(), host)
    print(f"{host} is off; machines that died: {', '.join(machines) or 'none'}")


@fault_app.command("start-host")
def start_host(host: Host) -> None:
    """Give a compute host its power back."""
    from navarch_lab import faults

    faults.start_host(Layout.from_environment(), host, Progress())


@fault_app.command("api")
def api(
    service: Annotated[str, typer.Argument(help="keystone, nova, neutron, cinder, glance, placement or octavia")],
    delay: Annotated[float, typer.Option(help="seconds every request waits")] = 0,
    fail: Annotated[int, typer.Option(help="HTTP status to answer with")] = 0,
    rate: Annotated[float, typer.Option(help="share of requests that fail")] = 1,
    clear: Annotated[bool, typer.Option("--clear", help="no fault any more")] = False,
) -> None:
    """Let a public API be slow or fail."""
    from navarch_lab import faults

    layout = Layout.from_environment()
    if clear:
        faults.clear_api(layout, service)
        print(f"{service}: no fault")
    else:
        fault = faults.ApiFault(delay, fail, rate)
        faults.disturb_api(layout, service, fault)
        print(f"{service}: {fault.encode()}")


@app.command()
def restart(
    services: Annotated[list[str], typer.Argument(help="names as `status` shows them, e.g. nova-compute-cmp1")],
) -> None:
    """Restart services of a running lab, for example after a change of the plugins. Machines go on."""
    from navarch_lab.lab import restart as restart_services

    restart_services(Layout.from_environment(), services, Progress())
