"""A simulated region that runs by itself: `python -m navarch.simulator.process --openstack HOST:PORT --listen PLACE`.

Time is the clock's, `--speed` times as fast. OpenStack's APIs are at the one address, over TLS; the clusters'
Kubernetes, and what is told of the region as a whole, at the other (`navarch.simulator.client`). The simulated machines
ask the real join endpoint that their user-data names. One thread does it all but the machines' requests, so nothing
waits for anything.
"""

import argparse
import asyncio
import re
import signal
import socket
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from time import monotonic

from navarch.addons.contract import Access
from navarch.domain.errors import NavarchError, Permanent, Responsible, Temporary
from navarch.domain.names import TAG_PREFIX
from navarch.simulator import marks, wire
from navarch.simulator.clusters import KubeCall, SimulatedClusters
from navarch.simulator.guests import Guests, Tempers
from navarch.simulator.installed import install
from navarch.simulator.join_client import JoinClient
from navarch.simulator.kubernetes import Kubernetes
from navarch.simulator.openstack.about import About
from navarch.simulator.openstack.fates import Fates
from navarch.simulator.openstack.faults import Misfortunes, Strike
from navarch.simulator.openstack.messages import Request
from navarch.simulator.openstack.region import Region
from navarch.simulator.openstack.server import Server
from navarch.simulator.openstack.services import Services
from navarch.simulator.openstack.timeline import Timeline
from navarch.simulator.pods import OtherRequests, Workload
from navarch.simulator.small_site import small_site
from navarch.simulator.wire import Answer, Call, Census, Door

_QUIET_SECONDS = 1.0  # the longest sleep of a timeline on which nothing is due
_MOMENTS = 20  # requests about a cluster that are remembered
_MARK = re.compile(re.escape(TAG_PREFIX) + r"([0-9a-f-]{36})")


class RealTime(Timeline):
    """A timeline that the machine's clock drives, `speed` times as fast. Dates are the clock's own."""

    def __init__(self, speed: float = 1.0) -> None:
        super().__init__(datetime.now(UTC))
        self._speed, self._began = speed, monotonic()

    def catch_up(self) -> None:
        """Let happen what is due by now."""
        self.advance((monotonic() - self._began) * self._speed)

    def date(self) -> datetime:
        """Now, as every clock around says it, whatever the speed."""
        return datetime.now(UTC)

    async def run(self) -> None:
        """Keep up for ever."""
        while True:
            self.catch_up()
            due = self.next_at
            wait = _QUIET_SECONDS if due is None else max(0.0, (due - self.now) / self._speed)
            await asyncio.sleep(min(wait, _QUIET_SECONDS, 0.05))


@dataclass
class Desk:
    """Answers calls about the clusters of one region and about the region, and counts what its services are asked.
    `asked`: how often machines asked the join endpoint."""

    region: Region
    guests: Guests
    misfortunes: Misfortunes
    asked: Callable[[], int] = int
    requests: Counter[str] = field(default_factory=Counter)
    faults: int = 0
    kube_calls: int = 0

    def __post_init__(self) -> None:
        self._clusters = SimulatedClusters(self.guests, pause=self._counted)
        self._moments: dict[str, deque[datetime]] = {}

    def serve(self, call: Call) -> Answer:
        """The answer to a call."""
        try:
            return self._answer(call)
        except NavarchError as error:
            return wire.refused(error)

    def note(self, request: Request) -> None:
        """A request to a service of the region, which may name a cluster by its mark."""
        self.requests[request.method] += 1
        for values in request.query.values():
            if found := _MARK.search(values[0]):
                moments = self._moments.setdefault(found[1], deque(maxlen=_MOMENTS))
                moments.append(datetime.now(UTC))
                return

    def struck(self, about: About) -> Strike | None:
        """Whether a fault hits a request. None hits a login or a look at a token: customers and the API make those, and
        the faults are for the worker."""
        strike = self.misfortunes(about) if about.kind != "token" else None
        self.faults += strike is not None and strike.fails
        return strike

    def _answer(self, call: Call) -> Answer:
        clusters = self._clusters
        match call:
            case wire.Apply(door, name, digest, version, login):
                clusters.put(_access(door), name, digest, version, login)
            case wire.Install(door, name):
                clusters.put_in(_access(door), name)
            case wire.Uninstall(door, name):
                clusters.take_out(_access(door), name)
            case wire.ObserveKube(door, asks):
                return clusters.observe(_access(door), asks)
            case wire.Drain(door, node, evict):
                return wire.Drained(clusters.drain(_access(door), node, evict=evict))
            case wire.NoteDrained(door, node, at, withdraw):
                return wire.Moment(clusters.note_drained(_access(door), node, at, withdraw=withdraw))
            case wire.Uncordon(door, node):
                clusters.uncordon(_access(door), node)
            case wire.Mark(door, step):
                clusters.mark_node(_access(door), step)
            case wire.Revoke(door, ids):
                return wire.Heeded(clusters.revoke(_access(door), ids))
            case wire.RemoveMember(door, member_id):
                clusters.remove_member(_access(door), member_id)
            case wire.DeleteNode(door, node):
                clusters.delete_node(_access(door), node)
            case wire.AskPods(door):
                return wire.Heeded(clusters.pods_wait(_access(door)))
            case wire.CountPods(door):
                return wire.Count(clusters.count_pods(_access(door)))
            case wire.AskFigures(door, source, span, until):
                return clusters.figures(_access(door), source, span, until)
            case wire.AskWorkloads(door, namespace):
                return clusters.workloads(_access(door), namespace)
            case wire.TellPods(door, events):
                clusters.tell_pods(_access(door), events)
            case wire.Deploy(cluster_id, workload):
                self._deploy(cluster_id, workload)
            case wire.Want(cluster_id, service, claim):
                wishes = self._inside(cluster_id).wishes
                wishes.services |= {service} - {""}
                wishes.claims |= {claim} - {""}
            case wire.Complain(cluster_id, addon, said):
                self._inside(cluster_id).complaints[addon] = said
            case wire.ShowPods(cluster_id):
                return wire.PodList(self._inside(cluster_id).pods_shown())
            case wire.TakeCensus():
                return self._census()
            case wire.FirstCall(cluster_id, since):
                return wire.Moment(next((at for at in self._moments.get(cluster_id, ()) if at > since), None))
            case wire.MeetFaults(share, slow, slow_seconds, away):
                met = self.misfortunes
                met.share, met.slow, met.slow_seconds, met.away = share, slow, slow_seconds, away
        return wire.Nothing()

    def _deploy(self, cluster_id: str, workload: Workload) -> None:
        try:
            self._inside(cluster_id).pods.deploy(workload)
        except OtherRequests as error:
            remedy = "scale it to 0 first, or leave the options out"
            raise Permanent(str(error), reason="OtherRequests", responsible=Responsible.USER, remedy=remedy) from error

    def _inside(self, cluster_id: str) -> Kubernetes:
        found = self.guests.cluster(cluster_id)
        if found is None:
            raise Temporary("no machine of this cluster runs yet", reason="KubernetesNotAnswering", after=1.0)
        return found

    def _counted(self, call: KubeCall) -> None:
        self.kube_calls += 1

    def _census(self) -> Census:
        found = list(marks.belonging(self.region))
        count = Counter(each.kind for each, _, _ in found)
        names = Counter(f"{each.kind} {marks.own_name(each)} of {cluster_id}" for each, cluster_id, _ in found)
        return Census(
            objects=tuple((kind, count[kind]) for kind in marks.KINDS),
            twice=tuple(sorted(name for name, times in names.items() if times > 1)),
            requests=tuple(sorted(self.requests.items())),
            faults=self.faults,
            kube_calls=self.kube_calls,
            asked=self.asked(),
            nodes=sum(1 for cluster in self.guests.clusters.values() for node in cluster.node_list() if node.ready),
        )


class _Conversation(asyncio.Protocol):
    """One connection. A call is answered before the next is read: who has more to say opens another."""

    def __init__(self, desk: Desk, timeline: RealTime) -> None:
        self._desk, self._timeline = desk, timeline
        self._read = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a stream protocol is given
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while len(self._read) >= wire.LENGTH.size and self._transport is not None:
            (length,) = wire.LENGTH.unpack_from(self._read)
            end = wire.LENGTH.size + length
            if length > wire.LONGEST:
                self._transport.close()
                return
            if len(self._read) < end:
                return
            body = bytes(self._read[wire.LENGTH.size : end])
            del self._read[:end]
            self._timeline.catch_up()
            self._transport.write(wire.packed(wire.Answered(self._desk.serve(wire.call_in(body)))))


async def listen(place: str, desk: Desk, timeline: RealTime) -> asyncio.AbstractServer:
    """Answer calls at a place until the server is closed."""
    loop = asyncio.get_running_loop()

    def conversation() -> asyncio.Protocol:
        return _Conversation(desk, timeline)

    where = wire.place(place)
    if isinstance(where, tuple):
        return await loop.create_server(conversation, *where)
    Path(where).unlink(missing_ok=True)
    return await loop.create_unix_server(conversation, where, backlog=500)


class _Fates(Fates):
    """Servers of some names end in ERROR."""

    def __init__(self, doomed: str) -> None:
        self._doomed = doomed

    def server_fault(self, name: str) -> str | None:
        if self._doomed and fnmatchcase(name, self._doomed):
            return "No valid host was found. There are not enough hosts available."
        return None


async def run(options: argparse.Namespace) -> None:
    """A region until SIGTERM or SIGINT."""
    timeline, password = RealTime(options.speed), options.password_file.read_text().strip()
    site = small_site(f"https://{options.openstack}")
    installed = install(timeline, site, password, fates=_Fates(options.doomed), seed=options.seed)
    region, services = installed.region, Services(installed.region)
    for name in options.project:
        installed.let_in(name, password)
    if options.navarch_url:
        region.more_services["kubernetes"] = ("navarch", options.navarch_url)
    tempers, join_client = Tempers(), JoinClient()
    tempers.boot_seconds = options.boot_seconds
    guests = Guests(services, join_client, tempers)
    desk = Desk(region, guests, Misfortunes(options.faults, seed=options.seed), asked=lambda: join_client.asked)

    def before(request: Request) -> None:
        timeline.catch_up()
        desk.note(request)

    openstack = Server(services, strike=desk.struck, before=before)
    with socket.create_server(_address(options.openstack), backlog=500) as listener:
        server = await listen(options.listen, desk, timeline)
        tasks = [
            asyncio.create_task(timeline.run()),
            asyncio.create_task(openstack.serve(listener, options.certificate, options.key)),
        ]
        print(f"simulating {site.url} with {len(options.project)} projects, clusters at {options.listen}", flush=True)
        await _ended(tasks)
        join_client.close()
        server.close()
        for done in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(done, Exception):
                raise done


async def _ended(tasks: "list[asyncio.Task[None]]") -> None:
    """Until somebody asks for the end, or one of the tasks has failed; the others are cancelled."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    waiting = asyncio.create_task(ended.wait())
    await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in (waiting, *tasks):
        task.cancel()


def _address(text: str) -> tuple[str, int]:
    where = wire.place(text)
    if not isinstance(where, tuple):
        raise ValueError("OpenStack listens on host:port")
    return where


def _access(door: Door) -> Access:
    return Access(door.url, door.ca, "", "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m navarch.simulator.process", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--openstack", required=True, metavar="HOST:PORT", help="where OpenStack's APIs listen")
    parser.add_argument("--certificate", type=Path, required=True, help="their certificate (PEM)")
    parser.add_argument("--key", type=Path, required=True, help="the certificate's key")
    parser.add_argument("--password-file", type=Path, required=True, help="the one password of all users")
    parser.add_argument("--navarch-url", default="", help="what the catalogue says of service type kubernetes")
    parser.add_argument("--listen", required=True, help="where clusters are asked: host:port, or a Unix socket's path")
    parser.add_argument("--project", action="append", default=[], metavar="NAME", help="a project; may be repeated")
    parser.add_argument("--speed", type=float, default=1.0, help="how much faster than the clock time passes")
    parser.add_argument("--boot-seconds", type=float, default=20.0, help="from a running server to its first word")
    parser.add_argument(
        "--faults", type=float, default=0.0, help="share of the cloud's answers that are faults, 0 to 1"
    )
    parser.add_argument("--doomed", default="", metavar="PATTERN", help="names of servers that end in ERROR")
    parser.add_argument("--seed", type=int, default=0, help="of all chance")
    return parser


if __name__ == "__main__":
    asyncio.run(run(_parser().parse_args()))
