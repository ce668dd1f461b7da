"""The catalogue's OpenTelemetry Collector: the real program, with the chart's configuration but for addresses.

It reads files as containerd writes them, and sends to a real store (VictoriaLogs), which goes away and comes back.
"""

import base64
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from tests.integration.chosen_entry import ADDONS, ChosenEntry
from tests.integration.chosen_entry import until as until_so
from tests.integration.entry_programs import entry_program
from tests.integration.entry_programs import renderer as renderer
from tests.integration.kube_apiserver import ApiServer, _Authority, _free_ports
from tests.integration.test_charts_on_a_real_api_server import api as api

from navarch.addons.client import KubernetesClusters
from navarch.addons.connection import Connection
from navarch.charts.entry import pack
from navarch.charts.rendering import Circumstances, Renderer

# The programs are compiled where they are not yet, which takes minutes.
pytestmark = [pytest.mark.tools, pytest.mark.proof, pytest.mark.timeout(1200)]

NAME = "opentelemetry"
HEALTH, GRPC, HTTP = 13133, 4317, 4318
SENT = "/insert/opentelemetry/v1/logs"


def until(what: str, so: Any, log: Path) -> None:
    """Asked again and again, for so long that only a hang reaches it."""
    end = time.monotonic() + 180
    while not so():
        assert time.monotonic() < end, f"{what}\n{log.read_text()[-3000:]}"
        time.sleep(0.2)


def answers(url: str, **more: Any) -> bool:
    try:
        return httpx.get(url, trust_env=False, **more).status_code == 200
    except httpx.TransportError:
        return False


class Store:
    """VictoriaLogs, on its folder and at its address whenever it runs."""

    def __init__(self, folder: Path, *more: str, scheme: str = "http") -> None:
        (port,) = _free_ports(1)
        self.log = folder / "store.log"
        self.url = f"{scheme}://127.0.0.1:{port}"
        data = f"-storageDataPath={folder}/data"
        self.argv = [str(entry_program("victoria-logs")), data, f"-httpListenAddr=127.0.0.1:{port}", *more]

    @contextmanager
    def running(self) -> Iterator[None]:
        with _process(self.argv, self.log):
            until("the store answers", lambda: answers(f"{self.url}/health", verify=False), self.log)
            yield

    def lines(self, query: str) -> list[dict[str, Any]]:
        said = httpx.get(f"{self.url}/select/logsql/query", params={"query": query}, verify=False, trust_env=False)
        assert said.status_code == 200, said.text
        return [json.loads(line) for line in said.text.splitlines()]


class Machine:
    """A worker's folders, and the collector on it."""

    def __init__(self, renderer: Renderer, folder: Path, endpoint: str, **values: Any) -> None:
        self.renderer, self.folder, self.endpoint = renderer, folder, endpoint
        self.health, self.grpc, self.http = _free_ports(3)
        self.log = folder / "collector.log"
        for name in ("pods", "state", "etc", "s3"):
            (folder / name).mkdir()
        self.render(**values)

    def render(self, **values: Any) -> None:
        """The configuration for these values, from the next start on."""
        objects = rendered(self.renderer, {"endpoint": self.endpoint, **values})
        for name, content in objects["Secret", NAME]["data"].items():
            text = base64.b64decode(content).decode()
            for theirs, ours in (
                ("/var/log/pods", f"{self.folder}/pods"),
                ("/var/lib/opentelemetry-collector", f"{self.folder}/state"),
                ("/etc/opentelemetry-collector", f"{self.folder}/etc"),
                ("/var/run/secrets/s3", f"{self.folder}/s3"),
                *(
                    (f"0.0.0.0:{a}", f"127.0.0.1:{b}")
                    for a, b in ((HEALTH, self.health), (GRPC, self.grpc), (HTTP, self.http))
                ),
            ):
                text = text.replace(theirs, ours)
            (self.folder / "etc" / name).write_text(text)
        keys = objects.get(("Secret", f"{NAME}-s3"), {"data": {}})["data"]
        for name, content in keys.items():
            (self.folder / "s3" / name).write_bytes(base64.b64decode(content))
        (container,) = objects["DaemonSet", f"{NAME}-agent"]["spec"]["template"]["spec"]["containers"]
        self.arguments = [
            word.replace("/etc/opentelemetry-collector", f"{self.folder}/etc") for word in container["args"]
        ]

    @contextmanager
    def collecting(self) -> Iterator["subprocess.Popen[bytes]"]:
        argv = [str(entry_program("opentelemetry-collector")), *self.arguments]
        with _process(argv, self.log, {"NODE_NAME": "w-1"}) as process:
            until("the collector is ready", lambda: answers(f"http://127.0.0.1:{self.health}/"), self.log)
            yield process

    def write(
        self, *texts: str, namespace: str = "shop", pod: str = "web-1", container: str = "c", mark: str = "F"
    ) -> Path:
        """Lines of a container, as containerd writes them; gives their file."""
        file = self.folder / "pods" / f"{namespace}_{pod}_6fb48d2e-62b5-4c5f-8b8f-2f4a8e2f0c11" / container / "0.log"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as log:
            for text in texts:
                log.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z stdout {mark} {text}\n")
        return file


@contextmanager
def _process(
    argv: list[str], log: Path, environment: dict[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("ab") as output:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def rendered(renderer: Renderer, values: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    at = Circumstances(NAME, NAME, "1.37.2")
    return {
        (o["kind"], o["metadata"]["name"]): dict(o) for o in renderer.render(pack(ADDONS / NAME), values, at).objects
    }


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_lines_arrive_with_where_they_are_from(renderer: Renderer, store: Store, tmp_path: Path) -> None:
    machine = Machine(
        renderer, tmp_path, store.url + SENT, cluster="north", excludedNamespaces=["quiet"],
        headers={"VL-Extra-Fields": "price=a$b"},
    )  # fmt: skip
    machine.write("unheard", namespace="quiet")
    machine.write("about itself", namespace=NAME, pod=f"{NAME}-agent-x1", container="collector")
    machine.write("one ", "and ", mark="P")
    machine.write("the same")
    machine.write('{"json": "as it is"}', container="d")
    with store.running(), machine.collecting():
        until("both are there", lambda: len(store.lines("*")) >= 2, machine.log)
        machine.write("later")
        until("the third is there", lambda: len(store.lines("later")) == 1, machine.log)
        found = {line["_msg"]: line for line in store.lines("*")}
    assert set(found) == {"one and the same", '{"json": "as it is"}', "later"}
    said = found["later"]
    assert {
        "k8s.namespace.name": "shop",
        "k8s.pod.name": "web-1",
        "k8s.pod.uid": "6fb48d2e-62b5-4c5f-8b8f-2f4a8e2f0c11",
        "k8s.container.name": "c",
        "k8s.node.name": "w-1",
        "k8s.cluster.name": "north",
        "log.iostream": "stdout",
        "price": "a$b",
    }.items() <= said.items()
    assert found['{"json": "as it is"}']["k8s.container.name"] == "d"


def test_nothing_is_lost_while_the_store_is_away_and_the_collector_dies(
    renderer: Renderer, store: Store, tmp_path: Path
) -> None:
    machine = Machine(renderer, tmp_path, store.url + SENT)

    def write(part: str) -> Path:
        return machine.write(*(f"{part} {number}" for number in range(300)))

    with machine.collecting() as process:
        with store.running():
            write("before")
            until("the first arrive", lambda: len(store.lines("before")) == 300, machine.log)
        file = write("away")
        until("sending fails", lambda: "connection refused" in machine.log.read_text(), machine.log)
        file.rename(file.with_name("0.log.20261130-120000"))  # as the kubelet does where it is large
        write("rotated")
        time.sleep(1)  # killed at some moment, not at one that it knows of
        process.kill()
        process.wait()
    write("dead")
    with machine.collecting(), store.running():
        write("after")
        expected = {f"{part} {n}" for part in ("before", "away", "rotated", "dead", "after") for n in range(300)}
        until("all arrive", lambda: {line["_msg"] for line in store.lines("*")} == expected, machine.log)


def test_one_that_is_stopped_in_order_sends_nothing_twice(renderer: Renderer, store: Store, tmp_path: Path) -> None:
    machine = Machine(renderer, tmp_path, store.url + SENT)
    with store.running():
        for part in range(3):
            with machine.collecting():
                machine.write(*(f"{part} {number}" for number in range(100)))
                until("they arrive", lambda: len(store.lines("*")) >= 100 * (part + 1), machine.log)  # noqa: B023
        assert len(store.lines("*")) == 300


def test_a_store_with_another_authority_is_refused_and_that_is_told(renderer: Renderer, tmp_path: Path) -> None:
    right, wrong = _Authority().files(), _Authority().files()
    for name, content in right.items():
        (tmp_path / name).write_text(content)
    tls = ("-tls", f"-tlsCertFile={tmp_path}/server.crt", f"-tlsKeyFile={tmp_path}/server.key")
    store = Store(tmp_path, *tls, scheme="https")
    machine = Machine(renderer, tmp_path, store.url + SENT, ca=[wrong["ca.crt"]])
    machine.write("secret")
    with store.running():
        with machine.collecting():
            told = "certificate signed by unknown authority"
            until("it is told", lambda: told in machine.log.read_text(), machine.log)
        assert store.lines("*") == []
        machine.render(ca=[wrong["ca.crt"], right["ca.crt"]])
        with machine.collecting():
            until("it arrives", lambda: [line["_msg"] for line in store.lines("*")] == ["secret"], machine.log)


def test_events_arrive_as_fields_also_where_other_namespaces_are_asked_for(
    renderer: Renderer, store: Store, tmp_path: Path
) -> None:
    machine = Machine(renderer, tmp_path, store.url + SENT, namespaces=["shop"])
    pod = f"{NAME}-events-7d9-x1"
    event = {
        "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.25Z",
        **{"type": "Warning", "reason": "BackOff", "message": "again"},
        **{"namespace": "shop", "kind": "Pod", "name": "web-1", "count": 3},
    }
    machine.write(json.dumps(event), "no JSON", namespace=NAME, pod=pod, container="events")
    machine.write("unheard", namespace="other")
    machine.write("heard")
    with store.running(), machine.collecting():
        until("all three are there", lambda: len(store.lines("*")) >= 3, machine.log)
        found = {line["_msg"]: line for line in store.lines("*")}
    assert set(found) == {"again", "no JSON", "heard"}
    fields = {f"k8s.event.{key}": str(value) for key, value in event.items() if key != "message"}
    assert fields.items() <= found["again"].items()
    assert (found["again"]["_time"], found["again"]["severity_number"]) == (event["time"], "13"), (
        "a warning, as OTLP has it"
    )


def test_applications_may_send_to_it(renderer: Renderer, store: Store, tmp_path: Path) -> None:
    machine = Machine(renderer, tmp_path, store.url + SENT, receiver=True)
    record = {"timeUnixNano": str(time.time_ns()), "body": {"stringValue": "ordered"}}
    service = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    body = {"resourceLogs": [{"resource": service, "scopeLogs": [{"logRecords": [record]}]}]}
    with store.running(), machine.collecting():
        sent = httpx.post(f"http://127.0.0.1:{machine.http}/v1/logs", json=body, trust_env=False)
        assert sent.status_code == 200, sent.text
        until("it arrives", lambda: len(store.lines("ordered")) == 1, machine.log)
        (line,) = store.lines("ordered")
    assert line["service.name"] == "shop"
    assert "k8s.node.name" not in line, "the collector's machine is not the application's"


def test_headers_are_in_the_secret_alone_and_another_one_begins_the_pods_anew(renderer: Renderer) -> None:
    def made(header: str) -> dict[tuple[str, str], dict[str, Any]]:
        return rendered(renderer, {"endpoint": "https://x.example.org/v1/logs", "headers": {"Authorization": header}})

    def mark(objects: dict[tuple[str, str], dict[str, Any]]) -> str:
        pod = objects["DaemonSet", f"{NAME}-agent"]["spec"]["template"]["metadata"]
        return str(pod["annotations"]["navarch.io/configuration"])

    objects = made("Bearer very-secret")
    assert mark(objects) == mark(made("Bearer very-secret"))
    assert mark(objects) != mark(made("Bearer another"))
    config = yaml.safe_load(base64.b64decode(objects.pop(("Secret", NAME))["data"]["collector.yaml"]))
    assert config["exporters"]["otlp_http"]["headers"] == {"Authorization": "Bearer very-secret"}
    assert "very-secret" not in str(objects)


@pytest.mark.kube
def test_a_real_api_server_takes_it_and_its_accounts_may_read_events_at_most(
    renderer: Renderer, kube: ApiServer, api: Connection
) -> None:
    with KubernetesClusters() as clusters:
        endpoint = "https://logs.example.org/v1/logs"
        entry = ChosenEntry(NAME, kube, clusters, renderer, endpoint=endpoint, receiver=True)
        until_so(lambda: any(f"{NAME}-agent" in waits for waits in entry.apply()))
        assert {item.kind for item in entry.left(api)} == {
            *("Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Secret", "Service"),
            *("Deployment", "DaemonSet"),
        }
        account = kube.service_account(NAME, f"{NAME}-events")
        assert account.ask("GET", "/apis/events.k8s.io/v1/events").status_code == 200
        for path in ("/api/v1/pods", "/api/v1/secrets", f"/api/v1/namespaces/{NAME}/configmaps", "/api/v1/nodes"):
            assert account.ask("GET", path).status_code == 403, path
        pod = api.get(f"/apis/apps/v1/namespaces/{NAME}/daemonsets/{NAME}-agent")["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False, "the collector asks no API server"
        with kube.controllers("namespace-controller", "garbage-collector-controller"):
            until_so(lambda: not entry.remove(with_data=True))
        assert entry.left(api) == []
