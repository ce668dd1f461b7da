"""The add-on logging on a real cluster: what a pod writes is found, and the events about it; after the store
lost its pod as well."""

import json
import secrets
from typing import Any
from urllib.parse import quote

import pytest
from demo.steps import until
from tests.e2e.catalogue import addon, check_images, lose_the_pod, of_the_server, offered, remove_all
from tests.e2e.clusters import Cluster

pytestmark = pytest.mark.timeout(900)

PROXY = "/api/v1/namespaces/logging/services/logging:9428/proxy"


def ask(one: Cluster, query: str) -> list[Any] | None:
    """The lines that it finds with a query of LogsQL; None where there are none yet, or it does not answer."""
    said = one.kubectl.run("get", "--raw", f"{PROXY}/select/logsql/query?query={quote(query)}&limit=10", check=False)
    return [json.loads(line) for line in said.splitlines()] or None


def writer(word: str) -> dict[str, Any]:
    """A pod that writes one line with this word in it."""
    program = {"name": "c", "image": "registry.navarch.internal/sample-web:1", "args": [f"-book=/{word}"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": word}, "spec": {"containers": [program]}}


def test_what_pods_write_and_events_are_found_and_the_add_on_leaves_nothing(one: Cluster) -> None:
    word = f"word-{secrets.token_hex(6)}"
    with offered(one, "logging"):
        one.customer.must("addon", "install", "logging", "-c", one.name, timeout=900)
        assert addon(one, "logging")["status"]["phase"] == "Ready"
        check_images(one, "logging")
        one.kubectl.run("apply", "-f", "-", stdin=json.dumps(writer(word)))
        wanted = f'"{word}" kubernetes.pod_namespace:=default'
        try:
            (line, *_) = until("what the pod wrote is found", lambda: ask(one, wanted), seconds=120)
        finally:
            one.kubectl.run("delete", "pod", word, "--now")
        assert (line["kubernetes.pod_name"], line["kubernetes.container_name"]) == (word, "c")
        assert line["kubernetes.pod_node_name"] in one.workers()
        happened = f'kubernetes.container_name:=events kind:=Pod name:="{word}" reason:=Scheduled'
        (event, *_) = until("its events are found", lambda: ask(one, happened), seconds=120)
        assert (event["namespace"], event["type"], event["controller"]) == ("default", "Normal", "default-scheduler")
        assert f"default/{word}" in event["_msg"]
        lose_the_pod(one, "logging")
        until("it is found again", lambda: ask(one, wanted), seconds=60)
        remove_all(one, "logging")
    of_the_server(one, "catalogue", "remove", "logging", "1.1.1")
