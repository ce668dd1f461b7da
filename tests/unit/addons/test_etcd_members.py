"""etcd's members, asked by a command in a pod; and what a cluster may answer to that."""

import base64
import hashlib
import json
import re
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from tests.unit.addons.hostile_server import HostileServer, Visit, hostile
from websockets.frames import Frame, Opcode

from navarch.addons import client, connection
from navarch.addons.client import KubernetesClusters
from navarch.addons.contract import Asks
from navarch.domain.errors import Temporary
from navarch.domain.kube import EtcdMember, KubeState

ASKS = Asks(etcd=True)
SUCCESS = json.dumps({"status": "Success"}).encode()
Say = Callable[["Exec"], None]


def exit_code(code: int) -> bytes:
    causes = [{"reason": "ExitCode", "message": str(code)}]
    return json.dumps({"status": "Failure", "details": {"causes": causes}}).encode()


class Exec:
    """A command that somebody runs over a WebSocket."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.command = parse_qs(visit.query)["command"]
        key = re.search(r"Sec-WebSocket-Key: (\S+)", visit.head)
        assert key is not None
        digest = hashlib.sha1(f"{key[1]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode(), usedforsecurity=False).digest()
        self.accept = (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}\r\n"
        )

    def send(self, channel: int, data: bytes, *, opcode: Opcode = Opcode.BINARY, fin: bool = True) -> None:
        body = bytes([channel]) + data if opcode is Opcode.BINARY else data
        self.visit.connection.sendall(Frame(opcode, body, fin).serialize(mask=False))

    def open(self) -> None:
        self.visit.connection.sendall(f"{self.accept}Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n".encode())

    def say(self, out: bytes, status: bytes = SUCCESS, *, err: bytes = b"") -> None:
        """All of it, in several messages and one of them in two frames."""
        self.open()
        self.send(1, out[:10], fin=False)
        self.send(1, out[10:20], opcode=Opcode.CONT)
        self.send(1, out[20:])
        self.send(2, err)
        self.send(3, status)


@pytest.fixture
def clusters() -> Iterator[KubernetesClusters]:
    with KubernetesClusters() as made:
        yield made


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Say], HostileServer]]:
    """A cluster whose etcd pod answers commands so."""
    running: list[Any] = []

    def start(say: Say) -> HostileServer:
        def answer(visit: Visit) -> None:
            if visit.path.endswith("/exec"):
                say(Exec(visit))
            elif visit.path.endswith("/pods"):
                ready = {"conditions": [{"type": "Ready", "status": "True"}]}
                pods = [{"metadata": {"name": name}, "status": ready} for name in ("etcd-cp-1", "etcd-cp-0", "../x")]
                pods.append({"metadata": {"name": "a"}, "status": {}})
                visit.say(json.dumps({"items": pods}).encode())
            else:
                visit.say(b'{"gitVersion": "v1.37.2"}' if visit.path == "/version" else b'{"items": []}')

        running.append(hostile(answer, tmp_path))
        made: HostileServer = running[-1].__enter__()
        return made

    yield start
    for made in running:
        made.__exit__(None, None, None)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bounds of time, sooner."""
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 1.0)
    monkeypatch.setattr(client, "_LOOK_SECONDS", 2.0)
    monkeypatch.setattr(client, "_CHANGE_SECONDS", 2.0)


MEMBERS = {
    "members": [
        {"ID": 10, "name": "cp-0", "peerURLs": ["https://10.0.0.5:2380"]},
        {"ID": 11, "name": "cp-1", "peerURLs": ["https://10.0.0.6:2380"]},
        {"ID": 2**63 + 1, "peerURLs": ["https://[fd00::7]:2380"], "isLearner": True},
    ]
}
STATUSES = [
    {"Endpoint": "https://10.0.0.5:2379", "Status": {"header": {"member_id": 10}, "leader": 10}},
    {"Endpoint": "https://[fd00::7]:2379", "Status": {"header": {"member_id": 2**63 + 1}, "leader": 10}},
]


def etcd(said: Exec) -> None:
    """One member is silent, one has not started yet."""
    if "list" in said.command:
        said.say(json.dumps(MEMBERS).encode())
    elif "status" in said.command:
        said.say(json.dumps(STATUSES).encode(), exit_code(1), err=b"context deadline exceeded")
    elif "remove" in said.command and said.command[-1] != "b":
        said.say(b"", exit_code(1), err=b"Error: etcdserver: member not found")
    else:
        said.say(b"done")


def test_members_are_told_by_etcd(serve: Callable[[Say], HostileServer], clusters: KubernetesClusters) -> None:
    server = serve(etcd)
    assert clusters.observe(server.access, ASKS).etcd == (
        EtcdMember("a", "cp-0", "10.0.0.5", healthy=True, leader=True),
        EtcdMember("b", "cp-1", "10.0.0.6", healthy=False),
        EtcdMember("8000000000000001", "", "fd00::7", healthy=True, learner=True),
    )
    assert {line.partition("?")[0] for line in server.asked if "/exec" in line} == {
        "GET /api/v1/namespaces/kube-system/pods/etcd-cp-0/exec"
    }
    assert clusters.observe(server.access, Asks()).etcd is None


def commands(server: HostileServer) -> list[list[str]]:
    asked = (line.split(" ")[1] for line in server.asked if "/exec" in line)
    return [[word for word in parse_qs(path.partition("?")[2])["command"] if "/pki/" not in word] for path in asked]


def test_a_member_that_leads_hands_leadership_on_before_it_is_removed(
    serve: Callable[[Say], HostileServer], clusters: KubernetesClusters
) -> None:
    def both_answer(said: Exec) -> None:
        if "status" in said.command:
            following = {"Status": {"header": {"member_id": 11}, "leader": 10}}
            said.say(json.dumps([*STATUSES, following]).encode())
        else:
            etcd(said)

    server = serve(both_answer)
    clusters.remove_member(server.access, "a")
    assert commands(server)[-2:] == [
        ["etcdctl", "--endpoints=https://10.0.0.5:2379", "move-leader", "b"],
        ["etcdctl", "--endpoints=https://127.0.0.1:2379", "member", "remove", "a"],
    ]


def test_a_member_that_is_not_there_is_not_removed(
    serve: Callable[[Say], HostileServer], clusters: KubernetesClusters
) -> None:
    server = serve(etcd)
    clusters.remove_member(server.access, "99")
    assert not any("remove" in command for command in commands(server))
    clusters.remove_member(server.access, "b")
    assert commands(server)[-1][-2:] == ["remove", "b"]


def test_what_etcd_refuses_is_told(serve: Callable[[Say], HostileServer], clusters: KubernetesClusters) -> None:
    def refuse(said: Exec) -> None:
        if "remove" in said.command:
            said.say(b"", exit_code(1), err=b"etcdserver: re-configuration failed \x1b[31m")
        else:
            etcd(said)

    with pytest.raises(Temporary, match="re-configuration failed") as told:
        clusters.remove_member(serve(refuse).access, "b")
    assert told.value.message.isprintable()


# -- what else may be answered


def answers(*said: bytes) -> Say:
    def say(command: Exec) -> None:
        command.open()
        for data in said:
            command.send(1, data)
        command.send(3, SUCCESS)

    return say


def endless(said: Exec) -> None:
    said.open()
    while not said.visit.ended.is_set():
        said.send(1, b"x" * 60_000)


def empty_frames(said: Exec) -> None:
    said.open()
    frames = Frame(Opcode.PING, b"").serialize(mask=False) * 10_000
    while not said.visit.ended.is_set():
        said.visit.connection.sendall(frames)


def a_byte_a_frame(said: Exec) -> None:
    said.open()
    said.send(1, b"", fin=False)
    frames = Frame(Opcode.CONT, b"x", False).serialize(mask=False) * 20_000
    while not said.visit.ended.is_set():
        said.visit.connection.sendall(frames)


def wait(said: Exec) -> None:
    said.visit.ended.wait()


def opened(then: Say) -> Say:
    """The handshake, and then this."""

    def say(said: Exec) -> None:
        said.open()
        then(said)

    return say


TALK: dict[str, Say] = {
    "nothing": wait,
    "a handshake that drips": lambda said: said.visit.drip(b"HTTP/1.1 101 Switching Protocols\r\n"),
    "silence after it": opened(wait),
    "a frame that drips": opened(lambda said: said.visit.drip(b"\x82\x7f")),
    "output without end": endless,
    "frames without content": empty_frames,
    "a byte a frame": a_byte_a_frame,
    "no WebSocket": lambda said: said.visit.say(b"{}"),
    "a refusal": lambda said: said.visit.say(b"{}", status=403),
    "another protocol": lambda said: said.visit.connection.sendall(f"{said.accept}\r\n".encode()),
    "no frames": opened(lambda said: said.visit.connection.sendall(b"\xff" * 1000)),
    "an end without a status": opened(lambda said: said.visit.connection.close()),
    "a status that is none": lambda said: said.say(b"{}", b"[]"),
    "a status without a code": lambda said: said.say(b"{}", b'{"status": "Failure", "message": "no\\u001b[31m"}'),
    "a code that is no number": lambda said: said.say(b"{}", exit_code(1).replace(b'"1"', b'"one"')),
    "no JSON": answers(b"<html>"),
    "JSON too deep": answers(b"[" * 50_000),
    "too many values": answers(b"[" + b"0," * 500_000 + b"0]"),
    "no members": answers(b'{"members": null}'),
    "members that are none": answers(b'{"members": [7]}'),
    "an id that is too long": answers(b'{"members": [{"ID": ' + b"9" * 4000 + b"}]}"),
    "an id that is no number": answers(b'{"members": [{"ID": "a; rm"}]}'),
}


@pytest.mark.parametrize("what", TALK)
def test_whatever_answers_a_command_the_look_ends_in_time_without_members(
    what: str, serve: Callable[[Say], HostileServer], clusters: KubernetesClusters, short: None
) -> None:
    server = serve(TALK[what])
    tracemalloc.start()
    try:
        seen: KubeState = clusters.observe(server.access, ASKS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (seen.version, seen.etcd) == ("1.37.2", None)
    assert peak < 64 * 2**20
    with pytest.raises(Temporary) as told:
        clusters.remove_member(server.access, "a")
    assert len(told.value.message) < 500
    assert told.value.message.isprintable()


def test_of_more_members_than_etcd_can_have_not_all_are_kept(
    serve: Callable[[Say], HostileServer], clusters: KubernetesClusters
) -> None:
    many = {"members": [{"ID": n, "name": "\x1b[31m", "peerURLs": ["https://evil:2380"]} for n in range(5000)]}

    def say(said: Exec) -> None:
        said.say(json.dumps(many).encode() if "list" in said.command else b"null")

    members = clusters.observe(serve(say).access, ASKS).etcd
    assert members is not None
    assert len(members) == 100
    assert {(m.name, m.address, m.healthy) for m in members} == {("", "", False)}
