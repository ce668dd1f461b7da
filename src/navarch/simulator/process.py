"""A simulated region that runs by itself: `python -m navarch.simulator.process --listen PLACE`.

Time is the clock's, `--speed` times as fast. Workers reach cloud and clusters through `navarch.simulator.client`;
the simulated machines ask the real join endpoint that their user-data names; `--keystone` has people log in as in a
real cloud. One thread does it all but the machines' requests, so nothing waits for anything.
"""

import argparse
import asyncio
import signal
import socket
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from time import monotonic
from typing import cast

from navarch.addons.contract import Access
from navarch.clouds.simulator import Fates, Misfortunes, Region, Request, SimulatedCloud, Strike, Timeline
from navarch.clouds.simulator.faults import Striker
from navarch.domain.errors import NavarchError
from navarch.domain.openstack.resources import AnyResource, Kind
from navarch.simulator import wire
from navarch.simulator.clusters import KubeCall, SimulatedClusters
from navarch.simulator.guests import Guests, Tempers
from navarch.simulator.join_client import JoinClient
from navarch.simulator.keystone import SimulatedKeystone, project_id
from navarch.simulator.offer import offer
from navarch.simulator.wire import Answer, Call, Census, Door

_QUIET_SECONDS = 1.0  # the longest sleep of a timeline on which nothing is due

_MOMENTS = 20  # looks at a cluster that are remembered


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
    """Answers calls: the cloud and the clusters of one region. `asked`: how often machines asked the join endpoint."""

    region: Region
    guests: Guests
    strike: Striker
    asked: Callable[[], int] = int
    requests: Counter[str] = field(default_factory=Counter)
    faults: int = 0
    kube_calls: int = 0

    def __post_init__(self) -> None:
        self._cloud = SimulatedCloud(self.region, strike=self._struck, console=self.guests.console)
        self._clusters = SimulatedClusters(self.guests, pause=self._counted)
        self._wait = 0.0
        self._moments: dict[str, deque[datetime]] = {}

    def serve(self, call: Call) -> tuple[Answer, float]:
        """The answer to a call, and how many seconds late it comes."""
        self._wait = 0.0
        try:
            answer = self._answer(call)
        except NavarchError as error:
            answer = wire.refused(error)
        return answer, self._wait

    def _answer(self, call: Call) -> Answer:
        cloud, clusters = self._cloud, self._clusters
        match call:
            case wire.Observe(owner, kinds, known):
                self._moments.setdefault(owner.cluster_id, deque(maxlen=_MOMENTS)).append(datetime.now(UTC))
                return wire.Shown.of(cloud.observe(owner, kinds, known))
            case wire.CarryOut(owner, step, private):
                made = cloud.carry_out(owner, step, private=private)
                return wire.Made(cast(AnyResource | None, made))
            case wire.Console(owner, server_id, lines):
                return wire.Text(cloud.console(owner, server_id, lines))
            case wire.ReadOffer():
                return cloud.offer()
            case wire.ReadQuota(project):
                return cloud.quota(project)
            case wire.Apply(door, name, digest, password):
                clusters.put(_access(door), name, digest, password)
            case wire.ObserveKube(door, asks):
                return clusters.observe(_access(door), asks)
            case wire.Drain(door, node, evict):
                return wire.Drained(clusters.drain(_access(door), node, evict=evict))
            case wire.NoteDrained(door, node):
                clusters.note_drained(_access(door), node)
            case wire.Uncordon(door, node):
                clusters.uncordon(_access(door), node)
            case wire.Mark(door, step):
                clusters.mark_node(_access(door), step)
            case wire.RemoveMember(door, member_id):
                clusters.remove_member(_access(door), member_id)
            case wire.DeleteNode(door, node):
                clusters.delete_node(_access(door), node)
            case wire.TakeCensus():
                return self._census()
            case wire.FirstCall(cluster_id, since):
                return wire.Moment(next((at for at in self._moments.get(cluster_id, ()) if at > since), None))
        return wire.Nothing()

    def _struck(self, request: Request) -> Strike | None:
        self.requests[request.verb] += 1
        strike = self.strike(request)
        if strike is not None:
            self.faults += strike.error is not None
            self._wait += strike.wait
        return strike

    def _counted(self, call: KubeCall) -> None:
        self.kube_calls += 1

    def _census(self) -> Census:
        count = {kind: sum(1 for _ in self.region.things(kind)) for kind in Kind}
        names = Counter(
            f"{thing.kind} {thing.resource.name} of {thing.mark}"
            for kind in Kind
            for thing in self.region.things(kind)
            if thing.mark
        )
        return Census(
            things=tuple((kind.value, number) for kind, number in count.items()),
            twice=tuple(sorted(name for name, times in names.items() if times > 1)),
            requests=tuple(sorted(self.requests.items())),
            faults=self.faults,
            kube_calls=self.kube_calls,
            asked=self.asked(),
            nodes=sum(1 for cluster in self.guests.clusters.values() for node in cluster.node_list() if node.ready),
        )


class _Conversation(asyncio.Protocol):
    """One connection. A call is answered before the next is read: who has more to say opens another."""

    def __init__(self, desk: Desk, timeline: RealTime | None) -> None:
        self._desk, self._timeline = desk, timeline
        self._read = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a stream protocol is given
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while len(self._read) >= wire.LENGTH.size:
            (length,) = wire.LENGTH.unpack_from(self._read)
            end = wire.LENGTH.size + length
            if length > wire.LONGEST:
                self._write(b"", None)
                return
            if len(self._read) < end:
                return
            body = bytes(self._read[wire.LENGTH.size : end])
            del self._read[:end]
            if self._timeline is not None:
                self._timeline.catch_up()
            answer, late = self._desk.serve(wire.call_in(body))
            self._write(wire.packed(wire.Answered(answer)), late)

    def _write(self, message: bytes, late: float | None) -> None:
        """Send it after so many seconds; None: hang up."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if late is None:
            transport.close()
        elif late:
            asyncio.get_running_loop().call_later(late, transport.write, message)
        else:
            transport.write(message)


async def listen(place: str, desk: Desk, timeline: RealTime | None) -> asyncio.AbstractServer:
    """Answer at a place until the server is closed. `timeline` None: time passes elsewhere."""
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
    timeline = RealTime(options.speed)
    region = Region(timeline, offer(), fates=_Fates(options.doomed), seed=options.seed)
    region.projects |= {project_id(name) for name in options.project}
    tempers, join_client = Tempers(), JoinClient()
    tempers.boot_seconds = options.boot_seconds
    guests = Guests(region, join_client, tempers)
    strike = Misfortunes(options.faults, seed=options.seed)
    desk = Desk(region, guests, strike, asked=lambda: join_client.asked)
    server = await listen(options.listen, desk, timeline)
    tasks = [asyncio.create_task(timeline.run())]
    if options.keystone:
        tasks.append(asyncio.create_task(_keystone(options)))
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    print(f"simulating a region with {len(options.project)} projects at {options.listen}", flush=True)
    waiting = asyncio.create_task(ended.wait())
    await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in (waiting, *tasks):
        task.cancel()
    join_client.close()
    server.close()
    for done in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(done, Exception):
            raise done


async def _keystone(options: argparse.Namespace) -> None:
    where = wire.place(options.keystone)
    if not isinstance(where, tuple):
        raise ValueError("Keystone listens on host:port")
    keystone = SimulatedKeystone(
        tuple(options.project),
        options.password_file.read_text().strip(),
        url=f"https://{options.keystone}/v3",
        navarch_url=options.navarch_url,
    )
    with socket.create_server(where) as listener:
        await keystone.serve(listener, options.certificate, options.key)


def _access(door: Door) -> Access:
    return Access(door.url, door.ca, "", "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m navarch.simulator.process", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--listen", required=True, help="host:port, or the path of a Unix socket")
    parser.add_argument("--project", action="append", default=[], metavar="NAME", help="a project; may be repeated")
    parser.add_argument("--speed", type=float, default=1.0, help="how much faster than the clock time passes")
    parser.add_argument("--boot-seconds", type=float, default=20.0, help="from a running server to its first word")
    parser.add_argument(
        "--faults", type=float, default=0.0, help="share of the cloud's answers that are faults, 0 to 1"
    )
    parser.add_argument("--doomed", default="", metavar="PATTERN", help="names of servers that end in ERROR")
    parser.add_argument("--seed", type=int, default=0, help="of all chance")
    login = parser.add_argument_group("Keystone")
    login.add_argument("--keystone", default="", metavar="HOST:PORT", help="where it listens; without, there is none")
    login.add_argument("--certificate", type=Path, help="its certificate (PEM)")
    login.add_argument("--key", type=Path, help="the certificate's key")
    login.add_argument("--password-file", type=Path, help="the one password of all its users")
    login.add_argument("--navarch-url", default="", help="what its offer says of service type kubernetes")
    return parser


if __name__ == "__main__":
    asyncio.run(run(_parser().parse_args()))
