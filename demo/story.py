"""`make demo` and `make demo-clean`: the whole way, with an ordinary customer's credentials.

python -m demo.story up       from nothing to a web page whose data survives a drain; goes on where it stopped
python -m demo.story clean    the cluster away through Navarch, proof from OpenStack's APIs, everything stopped
"""

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from demo.customer import Kubectl, Shop
from demo.stack import CONSOLE, HOST, Stack, command, connect, find_lab
from demo.steps import StepFailed, Teller

VERSION = "1.37.2"
CLUSTER = "demo"
CUSTOMER = "alpha"
FOLDER = Path(os.environ.get("NAVARCH_DEMO_STATE", "/var/lib/navarch-demo"))
_NEEDED_MEMORY_GIB, _NEEDED_DISK_GIB = 14, 20


def up() -> None:
    """Everything, step by step."""
    tell = Teller(FOLDER / "log")
    tell.title("1. What this machine needs")
    with tell.step("root, memory, disk"):
        _check_machine()
    tell.say(_build_plan())
    tell.say("The rest takes about 5 minutes the first time, 3 later.")
    tell.run(
        "PostgreSQL's programs",
        [str(Path(__file__).with_name("install-packages"))],
        remedy="apt-get must be able to install packages; see the log.",
    )
    tell.run(
        "the lab's packages and OpenStack services",
        [command("navarch-lab"), "install"],
        remedy="See the log; run `navarch-lab install` by hand once its cause is gone.",
    )
    tell.run(
        f"Kubernetes {VERSION} from source",
        [command("navarch-images"), "bundle", VERSION],
        remedy="See the log; `navarch-images bundle` goes on with the component that failed.",
        show=True,
    )
    tell.run(
        "what renders charts of add-ons",
        [command("navarch-images"), "tools", "chart-renderer"],
        remedy="See the log.",
    )
    tell.run(
        "the node image",
        [command("navarch-images"), "node", VERSION],
        remedy="See the log.",
    )
    tell.title("2. A cloud, and Navarch beside it")
    tell.run(
        "a one-machine OpenStack",
        [command("navarch-lab"), "up"],
        remedy="`navarch-lab status` shows each service and its log.",
        show=True,
    )
    lab = find_lab()
    tell.run(
        "the node image in Glance",
        [command("navarch-images"), "register", VERSION, "--cloud", "admin"],
        remedy="`openstack image list` must answer: eval $(navarch-lab env).",
        env=lab.environment("admin"),
    )
    stack = Stack(FOLDER, lab)
    with tell.step(f"Navarch: PostgreSQL, API, worker, console (logs: {stack.log('api').parent}/*.log)"):
        stack.prepare()
        stack.start()
        stack.start(CONSOLE)
    customer = stack.environment(CUSTOMER)
    _customer(tell, stack, customer)


def _customer(tell: Teller, stack: Stack, customer: dict[str, str]) -> None:
    tell.title(f"3. A customer of project {CUSTOMER} asks for a cluster")
    if _show(customer) is None:
        tell.run(
            f"navarch cluster create {CLUSTER}",
            [command("navarch"), "cluster", "create", CLUSTER, "--workers", "2", "--wait"],
            remedy=f"`navarch cluster show {CLUSTER}` says what blocks it, who must act, and how.",
            show=True,
            env=customer,
        )
    else:
        tell.say(f"cluster {CLUSTER} is there already")
    kubeconfig = FOLDER / f"{CLUSTER}.kubeconfig"
    tell.run(
        "its kubeconfig",
        [command("navarch"), "cluster", "kubeconfig", CLUSTER, "--file", str(kubeconfig)],
        remedy=f"`navarch cluster show {CLUSTER}` must say Ready.",
        env=customer,
    )
    kubectl = Kubectl(kubectl_program(), kubeconfig)
    shop = Shop(kubectl)
    tell.title("4. A web application: two replicas, a volume, a load balancer")
    with tell.step("deploy"):
        kubectl.run("uncordon", *[n["metadata"]["name"] for n in kubectl.get("nodes")["items"]])
        shop.deploy()
        shop.wait()
    with tell.step("its floating address"):
        address = shop.address()
    with tell.step(f"the page at http://{address}/"):
        seen = shop.read(address)
    if seen["client"] != HOST:
        raise StepFailed(f"the pod saw the client as {seen['client']}, but it was {HOST}")
    tell.say(f"pod {seen['pod']} on {seen['node']} answered, and saw the client's own address, {seen['client']}")
    entry = f"written before the drain of {seen['node']}"
    with tell.step("write through the page"):
        shop.write(address, entry)
    (before,) = shop.nodes()
    with tell.step(f"drain {before}, where the volume is"):
        kubectl.run("drain", before, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=120s")
    with tell.step("the pods move, the volume follows"):
        shop.wait()
    (after,) = shop.nodes()
    with tell.step("read the same data back"):
        seen = shop.read(address)
        if after == before or entry not in json.dumps(seen["entries"]):
            raise StepFailed(f"the entry is not there after the move from {before} to {after}: {seen}")
    tell.say(f"from {seen['node']}: {json.dumps(seen['entries'][-1])}")
    kubectl.run("uncordon", before)
    tell.title("5. What is there now")
    print(kubectl.run("get", "nodes,pods", "-A", "-o", "wide"))
    _next(tell, stack, address, kubeconfig)


def _next(tell: Teller, stack: Stack, address: str, kubeconfig: Path) -> None:
    tell.title(f"Done in {tell.seconds:.0f} s.")
    auth = stack.lab.cloud(CUSTOMER)["auth"]
    tell.say(f"The console: {stack.console_url}, user {auth['username']}, password {auth['password']}.")
    tell.say(f"Browsers warn of its certificate once: it is of this demo's own CA, {stack.ca_file}.")
    tell.say("Try next:")
    for line in (
        f"export OS_CLIENT_CONFIG_FILE={FOLDER}/clouds.yaml OS_CLOUD={CUSTOMER}",
        f"export PATH={Path(sys.executable).parent}:$PATH",
        f"export KUBECONFIG={kubeconfig}; alias kubectl={kubectl_program()}",
        f"navarch cluster show {CLUSTER}",
        f"navarch cluster timeline {CLUSTER}",
        f"navarch nodegroup scale default 3 -c {CLUSTER}",
        f"curl http://{address}/",
        "make demo-clean",
    ):
        tell.say(line)


def clean() -> None:
    """The cluster away, the proof, and everything stopped."""
    tell = Teller(FOLDER / "log")
    try:
        lab = find_lab()
    except StepFailed as error:
        tell.say(f"nothing to clean: {error}")
        return
    stack = Stack(FOLDER, lab)
    customer = stack.environment(CUSTOMER)
    tell.title("Away with it")
    if stack.settings.exists():
        with tell.step("Navarch runs"):
            stack.start()
        if _show(customer) is not None:
            tell.run(
                f"navarch cluster delete {CLUSTER}",
                [command("navarch"), "cluster", "delete", CLUSTER, "--yes", "--wait"],
                remedy=f"`navarch cluster show {CLUSTER}` says what is left and why.",
                show=True,
                env=customer,
            )
        with tell.step("proof from OpenStack's own APIs"):
            left = left_in_project(lab.clouds_file, CUSTOMER)
            if left:
                raise StepFailed("still in the project: " + ", ".join(left))
        tell.say("no server, volume, port, network, router, security group, balancer, floating IP or user is left")
        with tell.step("stop Navarch"):
            stack.stop()
    tell.run("stop the lab", [command("navarch-lab"), "down"], remedy="`navarch-lab status` shows what still runs.")


def left_in_project(clouds_file: Path, customer: str) -> list[str]:
    """What OpenStack's APIs show in a customer's project, other than what every project has."""
    cloud, admin = connect(clouds_file, customer), connect(clouds_file, "admin")
    project = cloud.current_project_id
    lists = {
        "server": cloud.compute.servers(),
        "server group": cloud.compute.server_groups(),
        "volume": cloud.block_storage.volumes(),
        "snapshot": cloud.block_storage.snapshots(),
        "load balancer": cloud.load_balancer.load_balancers(),
        "floating IP": cloud.network.ips(project_id=project),
        "router": cloud.network.routers(project_id=project),
        "network": cloud.network.networks(project_id=project),
        "port": cloud.network.ports(project_id=project),
        "security group": (g for g in cloud.network.security_groups(project_id=project) if g.name != "default"),
    }
    left = [f"{kind} {thing.name or thing.id}" for kind, things in lists.items() for thing in things]
    domain = next(iter(admin.identity.domains(name="navarch")), None)
    if domain is not None:
        left += [f"Keystone user {u.name}" for u in admin.identity.users(domain_id=domain.id)]
    return left


@cache
def kubectl_program() -> str:
    """kubectl of the bundle, built if need be. Raises StepFailed where it cannot be."""
    asked = subprocess.run([command("navarch-images"), "bundle", VERSION], capture_output=True, text=True, check=False)
    if asked.returncode:
        raise StepFailed(f"no kubectl: {asked.stderr.strip()}")
    return str(Path(asked.stdout.strip().splitlines()[-1]) / "bin" / "kubectl")


def _show(customer: dict[str, str]) -> object | None:
    done = subprocess.run(
        [command("navarch"), "cluster", "show", CLUSTER, "-o", "json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **customer},
    )
    if done.returncode == 3:
        return None
    if done.returncode:
        raise StepFailed(f"navarch cluster show {CLUSTER}: {done.stderr.strip()}")
    found: object = json.loads(done.stdout)
    return found


def _build_plan() -> str:
    """What is to be built and how long that will take, in words. Raises StepFailed where nothing can be built."""
    asked = subprocess.run([command("navarch-images"), "plan", VERSION], capture_output=True, text=True, check=False)
    if asked.returncode:
        raise StepFailed(asked.stderr.strip())
    return asked.stdout.strip()


def _check_machine() -> None:
    wrong = []
    if os.geteuid() != 0:
        wrong.append("it must run as root: the lab makes network namespaces and machines")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    if memory < _NEEDED_MEMORY_GIB:
        wrong.append(f"{memory:.0f} GiB of memory, {_NEEDED_MEMORY_GIB} are needed")
    free = shutil.disk_usage("/var").free / 2**30
    if free < _NEEDED_DISK_GIB:
        wrong.append(f"{free:.0f} GiB free in /var, {_NEEDED_DISK_GIB} are needed")
    if wrong:
        raise StepFailed("this machine will not do: " + "; ".join(wrong))


def main() -> None:
    """Entry point."""
    try:
        {"up": up, "clean": clean}[sys.argv[1]]()
    except StepFailed as error:
        print(f"\n{error}", file=sys.stderr)
        print("Running it again goes on where it stopped.", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
