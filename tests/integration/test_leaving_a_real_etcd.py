"""A control-plane machine that is shut down, in a cluster of three real etcd members."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from tests.integration.kube_apiserver import _Authority, _free_ports, _process, program

pytestmark = pytest.mark.kube
PROGRAM = files("navarch.bootstrap") / "machine" / "leave"


@dataclass
class Member:
    """One etcd, by its number among three."""

    number: int
    url: str
    pki: Path
    process: "subprocess.Popen[bytes]"

    def ctl(self, *words: str) -> Any:
        pair = [f"--cert={self.pki}/apiserver-etcd-client.crt", f"--key={self.pki}/apiserver-etcd-client.key"]
        command = [str(program("etcdctl")), f"--endpoints={self.url}", f"--cacert={self.pki}/etcd/ca.crt", *pair]
        done = subprocess.run([*command, "-w", "json", *words], capture_output=True, text=True, timeout=20, check=False)
        return json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else {}

    @property
    def leads(self) -> bool:
        status = next(iter(self.ctl("endpoint", "status")), None)
        return status is not None and status["Status"]["leader"] == status["Status"]["header"]["member_id"]


@pytest.fixture
def members(tmp_path: Path) -> Iterator[list[Member]]:
    pki, authority = tmp_path / "pki", _Authority()
    (pki / "etcd").mkdir(parents=True)
    served = authority.files()
    for name, source in (
        ("etcd/ca.crt", "ca.crt"),
        ("apiserver-etcd-client.crt", "server.crt"),
        ("apiserver-etcd-client.key", "server.key"),
    ):
        (pki / name).write_text(served[source])
    ports = _free_ports(6)
    cluster = ",".join(f"m{number}=https://127.0.0.1:{port}" for number, port in enumerate(ports[3:]))
    pair = (pki / "apiserver-etcd-client.crt", pki / "apiserver-etcd-client.key")
    with contextlib.ExitStack() as running:
        made = []
        for number, (client, peer) in enumerate(zip(ports[:3], ports[3:], strict=True)):
            command = [
                str(program("etcd")), f"--name=m{number}", f"--data-dir={tmp_path}/m{number}", "--unsafe-no-fsync",
                f"--initial-cluster={cluster}", "--election-timeout=2000", "--heartbeat-interval=200",
                *(f"--{use}-client-urls=https://127.0.0.1:{client}" for use in ("listen", "advertise")),
                *(f"--{use}-peer-urls=https://127.0.0.1:{peer}" for use in ("listen", "initial-advertise")),
                *(f"--{part}cert-file={pair[0]}" for part in ("", "peer-")),
                *(f"--{part}key-file={pair[1]}" for part in ("", "peer-")),
                *(f"--{part}trusted-ca-file={pki}/etcd/ca.crt" for part in ("", "peer-")),
                "--client-cert-auth", "--peer-client-cert-auth",
            ]  # fmt: skip
            process = running.enter_context(_process(command, tmp_path / f"m{number}.log"))
            made.append(Member(number, f"https://127.0.0.1:{client}", pki, process))
        _until(lambda: any(member.leads for member in made), "a leader")
        yield made


def _until(look: Any, what: str, within: float = 60) -> None:
    end = time.monotonic() + within
    while not look():
        assert time.monotonic() < end, f"after {within} s still not: {what}"
        time.sleep(0.2)


def leave(member: Member, folder: Path) -> str:
    """Run the program on that member's machine, whose container runtime knows of nothing else; what it said."""
    runtime = folder / "bin" / "ctr"
    runtime.parent.mkdir(exist_ok=True)
    tasks = f"TASK PID STATUS\\netcd-1 {member.process.pid} RUNNING\\n"
    runtime.write_text(f'#!/bin/sh\ncase "$*" in *" tasks list") printf "{tasks}";; *) echo etcd-1;; esac\n')
    runtime.chmod(0o755)
    text = PROGRAM.read_text().replace('"https://127.0.0.1:2379"', f'"{member.url}"')
    assert member.url in text
    done = subprocess.run(
        [sys.executable, "-c", text],
        env={"PATH": f"{runtime.parent}:{os.environ['PATH']}", "NAVARCH_PKI": str(member.pki)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_leader_hands_over_before_it_ends_and_a_follower_just_ends(members: list[Member], tmp_path: Path) -> None:
    leader = next(member for member in members if member.leads)
    others = [member for member in members if member is not leader]
    term = leader.ctl("endpoint", "status")[0]["Status"]["raftTerm"]
    assert "etcd's leadership: handed to " in leave(leader, tmp_path)
    assert leader.process.wait(5) == -signal.SIGTERM  # which it sends itself once it has closed its files
    status = others[0].ctl("endpoint", "status")[0]["Status"]
    assert status["raftTerm"] == term + 1  # one election, which was arranged
    assert [member.leads for member in others].count(True) == 1
    others[0].ctl("put", "a", "b")

    follower = next(member for member in others if not member.leads)
    assert " leads" in leave(follower, tmp_path)
    assert follower.process.wait(5) == -signal.SIGTERM


def test_a_learner_and_a_member_that_is_away_are_handed_nothing(members: list[Member], tmp_path: Path) -> None:
    leader = next(member for member in members if member.leads)
    away, other = (member for member in members if member is not leader)
    away.process.kill()
    away.process.wait()
    known = leader.ctl("member", "list")["members"]
    gone = next(member["ID"] for member in known if member["name"] == f"m{away.number}")
    assert leader.ctl("member", "remove", f"{gone:x}")
    learner = ("member", "add", "m9", "--peer-urls=https://127.0.0.1:1", "--learner")
    _until(lambda: leader.ctl(*learner), "a learner, which etcd takes while its members are in touch")
    said = leave(leader, tmp_path)
    other_id = next(member["ID"] for member in known if member["name"] == f"m{other.number}")
    assert f"handed to {other_id:x}" in said
    assert other.leads
