"""Bringing the lab up: one graph of services and one-off steps, each as early as its inputs allow.

Everything is looked at before it is done, so `up` starts what is missing and goes on where an earlier one stopped.
"""

import fcntl
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from navarch_lab import clouds, configure, databases, graph, guard, install, kernel, namespaces, network, processes
from navarch_lab.conf.ini import Context
from navarch_lab.conf.objects import RINGS
from navarch_lab.credentials import load_or_make
from navarch_lab.graph import Step
from navarch_lab.layout import Layout
from navarch_lab.progress import LabError, Progress
from navarch_lab.services import Service, all_services, environment, starting_nice
from navarch_lab.settle import Settling
from navarch_lab.topology import NETNS, OBJECT_SERVERS


@contextmanager
def exclusively(layout: Layout, progress: Progress) -> Iterator[None]:
    """One `up`, `down` or `destroy` at a time: a second one waits for the first, and then finds its work done."""
    layout.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(layout.state / "lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            progress.say("another navarch-lab command is at work on this lab; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def context_of(layout: Layout) -> Context:
    """Context of an installed lab; makes its passwords on first use."""
    return Context(layout, install.find(layout), load_or_make(layout.secrets_file))


def up(layout: Layout, progress: Progress) -> None:
    """Bring everything up and return when the lab takes orders. Enters the lab's network namespace for good."""
    with exclusively(layout, progress):
        context = context_of(layout)
        guard.check_host()
        kernel.raise_limits()
        network.ensure_namespace()
        configure.write_all(context)
        namespaces.enter(NETNS)
        try:
            graph.run(steps(context, progress))
        finally:
            settle(context)
        clouds.write(layout)
    progress.say("the lab is up; `navarch-lab env` tells how to reach it")


def settle(context: Context) -> None:
    """Those that went first while all started are like all others from now on."""
    for service in all_services(context):
        if starting_nice(service.name):
            record = processes.read(context.layout.run / f"{service.name}.json")
            processes.settle(processes.everything_of(service.name, record))


def restart(layout: Layout, names: list[str], progress: Progress) -> None:
    """Stop the named services and start them again, with their configuration written anew."""
    with exclusively(layout, progress):
        context = context_of(layout)
        services = {service.name: service for service in all_services(context)}
        unknown = sorted(set(names) - set(services))
        if unknown:
            raise LabError(f"no service is called {', '.join(unknown)}", remedy="navarch-lab status lists them")
        if not namespaces.exists(NETNS):
            raise LabError("the lab is down", remedy="navarch-lab up")
        configure.write_all(context)
        namespaces.enter(NETNS)

        def again(name: str) -> None:
            processes.stop(name, processes.read(layout.run / f"{name}.json"), grace=5)
            ensure_running(context, services[name], progress)

        graph.run([Step(name, partial(again, name)) for name in dict.fromkeys(names)])
        settle(context)


def steps(context: Context, progress: Progress) -> list[Step]:
    """The whole of `up`."""
    layout, installed = context.layout, context.installed
    variables = environment(context)
    ovn = layout.data / "ovn"

    def ovn_files() -> None:
        if not processes.alive(processes.read(layout.run / "ovsdb-local.json")):
            # The switch's own database may name devices that went with a crash; it is made anew, unlike OVN's two.
            (ovn / "conf.db").unlink(missing_ok=True)
        network.create_database(installed, ovn / "conf.db", "openvswitch/vswitch.ovsschema")
        network.create_database(installed, ovn / "nb.db", "ovn/ovn-nb.ovsschema")
        network.create_database(installed, ovn / "sb.db", "ovn/ovn-sb.ovsschema")

    one_off: list[tuple[str, Callable[[], None], set[str]]] = [
        ("ovn-files", ovn_files, set()),
        ("switch-settings", partial(network.configure_switch, layout, installed), {"ovsdb-local"}),
        ("bridges", partial(network.create_bridges, layout, installed), {"ovs-vswitchd"}),
        (
            "mariadb-files",
            partial(databases.create_mariadb, layout.data / "mariadb", layout.log / "mariadb-install.log", progress),
            set(),
        ),
        ("rings", partial(ensure_rings, context), set()),
        ("databases", partial(databases.create_user, context), {"mariadb"}),
    ]
    result = [Step(name, run, frozenset(after)) for name, run, after in one_off]
    for schema in databases.schemas(context):
        run = partial(databases.ensure_schema, context, schema, variables, progress)
        result.append(Step(f"schema-{schema.service}", run, frozenset({"databases"}), heavy=True))
    for service in all_services(context):
        result.append(Step(service.name, partial(ensure_running, context, service, progress), service.after))
    return result + Settling(context, progress).steps()


def ensure_rings(context: Context) -> None:
    """Which of swift's servers has what. They say the same in every lab."""
    folder = context.layout.etc / "swift"
    if all((folder / f"{name}.ring.gz").exists() for name in OBJECT_SERVERS):
        return
    servers = [f"{name}={port}" for name, port in OBJECT_SERVERS.items()]
    argv = [f"{context.installed.bin}/python", "-W", "ignore", "-c", RINGS, str(folder), *servers]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"swift's rings: {done.stderr.strip()[-300:]}", remedy="navarch-lab install again; then up")


def ensure_running(context: Context, service: Service, progress: Progress) -> None:
    """Start the service unless it runs, and wait until it is ready."""
    layout = context.layout
    record = processes.read(layout.run / f"{service.name}.json")
    log = layout.log / f"{service.name}.log"
    began = time.monotonic()
    if record is not None and processes.alive(record):
        _wait_ready(service, record, log, 0)
        return
    for pid in processes.everything_of(service.name, record):
        # Children that outlived a crash hold its ports and sockets.
        processes.kill(pid)
    if scratch := service.environment.get("TMPDIR"):
        shutil.rmtree(scratch, ignore_errors=True)
        Path(scratch).mkdir(parents=True)
    size = log.stat().st_size if log.exists() else 0
    record = processes.start(
        service.name,
        service.argv,
        environment={**environment(context), **service.environment},
        folder=layout.state,
        log=log,
        records=layout.run,
        nice=starting_nice(service.name),
    )
    _wait_ready(service, record, log, size)
    progress.say(f"{service.name}: {time.monotonic() - began:.1f} s")


def _wait_ready(service: Service, record: processes.Record, log: Path, size: int) -> None:
    end = time.monotonic() + service.timeout
    while not service.ready(log, size):
        if not processes.alive(record):
            raise LabError(
                f"{service.name} ended as it started", log=log, remedy="see its log; then navarch-lab up again"
            )
        if time.monotonic() > end:
            raise LabError(
                f"{service.name} was not ready after {service.timeout:.0f} s",
                log=log,
                remedy="a slow or full machine? `navarch-lab up` again waits on",
            )
        time.sleep(0.1)
