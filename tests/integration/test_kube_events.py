"""The program that writes events, on a real kube-apiserver, with the rights that the entry logging gives it alone."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.integration.entry_programs import entry_program
from tests.integration.kube_apiserver import ApiServer
from tests.integration.test_charts_on_a_real_api_server import api as api

from navarch.addons.connection import Connection

pytestmark = [pytest.mark.kube, pytest.mark.timeout(600)]  # it is compiled where it is not yet

RIGHTS = Path(__file__).parents[2] / "addons" / "logging" / "templates" / "events.yaml"
EVENTS = "/apis/events.k8s.io/v1/namespaces/{}/events"
OLD_EVENTS = "/api/v1/namespaces/default/events"


class Follower:
    """A running one, and what it wrote."""

    def __init__(self, kube: ApiServer, folder: Path, token: str) -> None:
        (folder / "token").write_text(token)
        (folder / "ca.crt").write_text(kube.access.ca)
        self.folder = folder
        self.argv = [
            *(str(entry_program("kube-events")), f"-server={kube.access.url}", f"-state={folder}/state", "-page=2"),
            *(f"-ca-file={folder}/ca.crt", f"-token-file={folder}/token"),
        ]

    @contextmanager
    def running(self) -> Iterator[None]:
        with (self.folder / "lines").open("ab") as lines, (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=lines, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            assert process.wait(10) == 0, (self.folder / "log").read_text()

    def told(self, name: str = "") -> list[dict[str, Any]]:
        """What it wrote, of what is about this one."""
        whole = (self.folder / "lines").read_text().rpartition("\n")[0]
        lines = [json.loads(line) for line in whole.splitlines()]
        return [line for line in lines if name in ("", line["name"])]

    def until(self, name: str, count: int) -> list[dict[str, Any]]:
        """Wait for what it writes about this one; `count` of it, and no more."""
        end = time.monotonic() + 60
        while len(seen := self.told(name)) != count:
            assert len(seen) < count and time.monotonic() < end, (seen, (self.folder / "log").read_text())
            time.sleep(0.05)
        return seen


@pytest.fixture
def follower(kube: ApiServer, api: Connection, tmp_path: Path) -> Follower:
    """With a token of an account that has what the chart's ClusterRole gives, and nothing else."""
    path = "/api/v1/namespaces/default/serviceaccounts"
    answer = kube.admin().ask("POST", path, {"metadata": {"name": "events"}})
    if answer.status_code == 201:
        api.create(
            "/apis/rbac.authorization.k8s.io/v1/clusterroles", {"metadata": {"name": "events"}, "rules": rules()}
        )
        api.create(
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
            {
                "metadata": {"name": "events"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "events"},
                "subjects": [{"kind": "ServiceAccount", "name": "events", "namespace": "default"}],
            },
        )
    token = kube.service_account("default", "events").http.headers["Authorization"].removeprefix("Bearer ")
    return Follower(kube, tmp_path, token)


def rules() -> list[dict[str, Any]]:
    """Of the ClusterRole in the chart's template."""
    (text,) = [part for part in RIGHTS.read_text().split("---\n") if "\nkind: ClusterRole\n" in part]
    found: list[dict[str, Any]] = yaml.safe_load("rules:" + text.partition("\nrules:")[2])["rules"]
    return found


def happens(api: Connection, about: str, name: str, namespace: str = "default") -> str:
    """An event about a pod of this name; gives its path."""
    path = EVENTS.format(namespace)
    event = {
        "metadata": {"name": name},
        "eventTime": "2026-01-02T03:04:05.678901Z",
        "type": "Warning",
        "reason": "FailedScheduling",
        "action": "Scheduling",
        "note": "0/2 nodes are available:\n2 Insufficient cpu.",
        "reportingController": "default-scheduler",
        "reportingInstance": "default-scheduler-m-1",
        "regarding": {"apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": about},
    }
    api.create(path, event)
    return f"{path}/{name}"


def test_each_event_is_a_line_and_one_that_happens_again_another(follower: Follower, api: Connection) -> None:
    for number in range(5):  # more than a page has
        happens(api, "before", f"before-{number}")
    with follower.running():
        follower.until("before", 5)
        path = happens(api, "web", "web-1")
        (line,) = follower.until("web", 1)
        assert line.pop("uid")
        assert int(line.pop("version")) > 0
        assert line == {
            "time": "2026-01-02T03:04:05.678901Z",
            "type": "Warning",
            "reason": "FailedScheduling",
            "message": "0/2 nodes are available:\n2 Insufficient cpu.",
            "namespace": "default",
            "kind": "Pod",
            "name": "web",
            "count": 1,
            "controller": "default-scheduler",
            "node": "",
        }
        api.merge(path, {"series": {"count": 7, "lastObservedTime": "2026-01-02T03:05:00.000000Z"}})
        again = follower.until("web", 2)[-1]
        assert (again["count"], again["time"]) == (7, "2026-01-02T03:05:00Z")
        api.delete(path)
        happens(api, "after", "after-1")
        follower.until("after", 1)
        assert len(follower.told("web")) == 2, "an event that goes says nothing"


def test_events_of_the_api_before_are_lines_too(follower: Follower, api: Connection) -> None:
    with follower.running():
        api.create(
            OLD_EVENTS,
            {
                "metadata": {"name": "old"},
                "involvedObject": {"kind": "Node", "name": "w-1"},
                "reason": "Rebooted",
                "message": "it began anew",
                "type": "Normal",
                "source": {"component": "kubelet", "host": "w-1"},
                "firstTimestamp": "2026-01-02T03:04:05Z",
                "lastTimestamp": "2026-01-02T04:00:00Z",
                "count": 2,
            },
        )
        (line,) = follower.until("w-1", 1)
    assert (line["kind"], line["namespace"], line["count"], line["time"]) == ("Node", "", 2, "2026-01-02T04:00:00Z")
    assert (line["controller"], line["node"], line["message"]) == ("kubelet", "w-1", "it began anew")


def test_nothing_is_told_twice_or_lost_over_its_restart_and_the_servers(
    follower: Follower, api: Connection, kube: ApiServer
) -> None:
    with follower.running():
        happens(api, "first", "first-1")
        follower.until("first", 1)
    happens(api, "meanwhile", "meanwhile-1")
    with follower.running():
        follower.until("meanwhile", 1)
        kube.end("kube-apiserver")
        kube.begin("kube-apiserver")
        happens(api, "later", "later-1")
        follower.until("later", 1)
    written = [(line["uid"], line["version"]) for line in follower.told()]
    assert len(set(written)) == len(written)
    assert len(follower.told("first")) == 1
    assert "again" in (follower.folder / "log").read_text(), "the server was away"


def test_without_its_rights_it_ends_and_says_why(follower: Follower, kube: ApiServer, api: Connection) -> None:
    api.create("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "nobody"}})
    token = kube.service_account("default", "nobody").http.headers["Authorization"].removeprefix("Bearer ")
    (follower.folder / "token").write_text(token)
    done = subprocess.run([*follower.argv, "-patience=0s"], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert 'cannot list resource \\\\\\"events\\\\\\"' in done.stderr


def test_it_has_no_other_rights_than_to_read_events() -> None:
    assert rules() == [{"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["list", "watch"]}]
