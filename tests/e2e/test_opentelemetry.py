"""The add-on opentelemetry on a real cluster: what a pod writes, and the events about it, go by OTLP to a store, that
of the add-on logging."""

import json
import secrets

import pytest
from demo.steps import until
from tests.e2e.catalogue import addon, check_images, names, of_the_server, offered
from tests.e2e.clusters import Cluster
from tests.e2e.test_logging import ask, writer

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1800)]

NAME = "opentelemetry"
STORE = "http://logging.logging:9428/insert/opentelemetry/v1/logs"


def test_what_pods_write_and_events_are_sent_to_a_store(one: Cluster) -> None:
    word = f"word-{secrets.token_hex(6)}"
    with offered(one, "logging"), offered(one, NAME):
        one.customer.must("addon", "install", "logging", "-c", one.name, "--set", "events=false", timeout=900)
        sending = ("--set", f"endpoint={STORE}", "--set", "cluster=lab")
        one.customer.must("addon", "install", NAME, "-c", one.name, *sending, timeout=900)
        assert addon(one, NAME)["status"]["phase"] == "Ready"
        check_images(one, NAME)
        one.kubectl.run("apply", "-f", "-", stdin=json.dumps(writer(word)))
        wanted = f'"{word}" k8s.namespace.name:=default'  # what logging's own agent brings has other fields
        happened = f'k8s.event.kind:=Pod k8s.event.name:="{word}" k8s.event.reason:=Scheduled'
        try:
            (line, *_) = until("what the pod wrote is found", lambda: ask(one, wanted), seconds=180)
            (event, *_) = until("its events are found", lambda: ask(one, happened), seconds=180)
        finally:
            one.kubectl.run("delete", "pod", word, "--now")
        assert (line["k8s.pod.name"], line["k8s.container.name"]) == (word, "c")
        assert line["k8s.node.name"] in one.workers()
        assert (line["k8s.cluster.name"], event["k8s.cluster.name"]) == ("lab", "lab")
        assert f"default/{word}" in event["_msg"]
        one.customer.must("addon", "remove", NAME, "-c", one.name, "--with-data", "--yes", timeout=900)
        assert NAME not in names(one)
        assert one.kubectl.run("get", "namespace", NAME, "--ignore-not-found") == ""
    for name, version in (("logging", "1.1.1"), (NAME, "1.1.0")):
        of_the_server(one, "catalogue", "remove", name, version)
