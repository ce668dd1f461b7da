"""The catalogue's OpenTelemetry Collector writes into a bucket: the real program, and a real object store (Swift)."""

import base64
import gzip
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.integration.entry_programs import renderer as renderer
from tests.integration.kube_apiserver import _Authority
from tests.integration.object_store import BUCKET, REGION, ObjectStore
from tests.integration.test_opentelemetry import NAME, Machine, rendered, until

from navarch.charts.rendering import Renderer, Unrenderable

# The collector is compiled where it is not yet, which takes minutes; Swift is of the lab's environment.
pytestmark = [pytest.mark.tools, pytest.mark.proof, pytest.mark.timeout(1200)]

OTLP = "https://logs.example.org/v1/logs"
S3 = {"endpoint": "https://s3.example.org", "bucket": "logs", "accessKey": "an-access-key", "secretKey": "a-secret-key"}


@pytest.fixture
def authority() -> dict[str, str]:
    return _Authority().files()


@pytest.fixture
def store(tmp_path: Path, authority: dict[str, str]) -> ObjectStore:
    (tmp_path / "store").mkdir()
    store = ObjectStore(tmp_path / "store", authority)
    with store.running():
        store.client.create_bucket(Bucket=BUCKET)
    return store


@pytest.fixture
def machine(renderer: Renderer, store: ObjectStore, authority: dict[str, str], tmp_path: Path) -> Machine:
    (tmp_path / "machine").mkdir()
    return Machine(renderer, tmp_path / "machine", "", s3=into(store, authority), cluster="north")


def into(store: ObjectStore, authority: dict[str, str], **more: Any) -> dict[str, Any]:
    at = {"endpoint": store.url, "bucket": BUCKET, "prefix": "shop/logs", "region": REGION, "ca": [authority["ca.crt"]]}
    return {**at, "accessKey": store.access, "secretKey": store.secret, "interval": 1, **more}


def lines(store: ObjectStore) -> list[dict[str, Any]]:
    return [json.loads(line) for its in store.held().values() for line in gzip.decompress(its).splitlines()]


def bodies(store: ObjectStore) -> Counter[str]:
    return Counter(line["body"] for line in lines(store))


def test_lines_are_in_the_bucket_with_where_they_are_from(machine: Machine, store: ObjectStore) -> None:
    before = datetime.now(UTC)
    machine.write("hello", '{"level": "info"}')
    event = {"time": f"{before:%Y-%m-%dT%H:%M:%S}Z", "type": "Warning", "reason": "BackOff", "message": "again"}
    machine.write(json.dumps(event), namespace=NAME, pod=f"{NAME}-events-7d9-x1", container="events")
    with store.running():
        with machine.collecting():
            until("all are there", lambda: len(lines(store)) == 3, machine.log)
        held = store.held()
        found = {line["body"]: line for line in lines(store)}
    hours = {f"{at:year=%Y/month=%m/day=%d/hour=%H}" for at in (before, datetime.now(UTC))}
    for key in held:
        folder, name = key.rsplit("/", 1)
        assert folder.removeprefix("shop/logs/") in hours
        assert name.startswith("w-1-")
        assert name.endswith(".json.gz")
    line = found["hello"]
    assert before <= datetime.fromisoformat(line["time"])
    assert line["attributes"]["log.iostream"] == "stdout"
    assert (
        line["resource"].items()
        >= {
            "k8s.namespace.name": "shop",
            "k8s.pod.name": "web-1",
            "k8s.container.name": "c",
            "k8s.node.name": "w-1",
            "k8s.cluster.name": "north",
        }.items()
    )
    assert '{"level": "info"}' in found
    assert found["again"]["severity"] == "Warning"
    assert found["again"]["attributes"]["k8s.event"]["reason"] == "BackOff"


def test_none_is_missing_over_a_store_that_is_away_and_a_collector_that_is_killed(
    machine: Machine, store: ObjectStore
) -> None:
    wanted = {f"line {number}" for number in range(3000)}
    with machine.collecting() as process:  # and no store
        machine.write(*(f"line {number}" for number in range(1000)))
        until("that nobody answers is told", lambda: "connection refused" in machine.log.read_text(), machine.log)
        process.kill()
        process.wait()
    with machine.collecting():
        machine.write(*(f"line {number}" for number in range(1000, 2000)))
        with store.running():
            until("they are there", lambda: len(bodies(store)) >= 2000, machine.log)
        machine.write(*(f"line {number}" for number in range(2000, 3000)))
        with store.running():
            until("all are there", lambda: bodies(store).keys() >= wanted, machine.log)
            assert bodies(store).keys() == wanted
            assert max(bodies(store).values()) <= 2, "those of the collector that was killed"


def test_wrong_keys_are_told_without_them_and_right_ones_need_no_restart(
    machine: Machine, store: ObjectStore, authority: dict[str, str]
) -> None:
    machine.render(s3=into(store, authority, secretKey="another-secret-key"))
    machine.write("waits")
    with store.running(), machine.collecting():
        until("it is told", lambda: "403 Forbidden" in machine.log.read_text(), machine.log)
        assert "SignatureDoesNotMatch" in machine.log.read_text()
        assert lines(store) == []
        (machine.folder / "s3" / "secretKey").write_text(store.secret)  # as the kubelet does, of another Secret
        until("it arrives", lambda: list(bodies(store)) == ["waits"], machine.log)
    told = machine.log.read_text()
    assert "another-secret-key" not in told
    assert store.secret not in told


def test_an_unknown_bucket_and_authority_are_told(
    machine: Machine, store: ObjectStore, authority: dict[str, str]
) -> None:
    machine.write("waits")
    machine.render(s3=into(store, authority, bucket="not-there"))
    with store.running():
        with machine.collecting():
            until("it is told", lambda: "NoSuchBucket" in machine.log.read_text(), machine.log)
        machine.render(s3=into(store, authority, ca=[_Authority().files()["ca.crt"]]))
        with machine.collecting():
            told = "certificate signed by unknown authority"
            until("it is told", lambda: told in machine.log.read_text(), machine.log)
        assert lines(store) == []
        machine.render(s3=into(store, authority))
        with machine.collecting():
            until("it arrives", lambda: list(bodies(store)) == ["waits"], machine.log)


def test_keys_are_in_a_secret_of_their_own_alone(renderer: Renderer) -> None:
    objects = rendered(renderer, {"s3": S3})
    keys = objects.pop(("Secret", f"{NAME}-s3"))["data"]
    assert {name: base64.b64decode(its).decode() for name, its in keys.items()} == {
        name: S3[name] for name in ("accessKey", "secretKey")
    }
    config = base64.b64decode(objects["Secret", NAME]["data"]["collector.yaml"]).decode()
    assert "otlp_http" not in config
    for key in ("an-access-key", "a-secret-key"):
        assert key not in config + str(objects)
        assert base64.b64encode(key.encode()).decode() not in str(objects)


def test_a_secret_of_the_users_is_read_in_place_of_one_of_ours_and_an_address_stays_beside(renderer: Renderer) -> None:
    s3 = {"endpoint": "https://s3.example.org", "bucket": "logs", "existingSecret": "theirs"}
    objects = rendered(renderer, {"s3": s3, "endpoint": OTLP, "receiver": True})
    assert ("Secret", f"{NAME}-s3") not in objects
    volumes = objects["DaemonSet", f"{NAME}-agent"]["spec"]["template"]["spec"]["volumes"]
    assert [v["secret"]["secretName"] for v in volumes if v["name"] == "s3"] == ["theirs"]
    config = base64.b64decode(objects["Secret", NAME]["data"]["collector.yaml"]).decode()
    assert config.count("exporters: [otlp_http, s3]") == 2


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"s3": {"bucket": "logs"}},
        {"s3": {**S3, "bucket": ""}},
        {"s3": {**S3, "secretKey": ""}},
        {"s3": {**S3, "existingSecret": "theirs"}},
        {"s3": {**S3, "endpoint": "https://user:password@s3.example.org"}},
        {"s3": {**S3, "prefix": "/from-the-root"}},
        {"s3": {**S3, "prefix": "../another-bucket"}},
        {"s3": {**S3, "prefix": "shop/.."}},
        {"s3": {**S3, "bucket": "${env:HOME}"}},
    ],
)
def test_values_that_lead_nowhere_are_refused(renderer: Renderer, values: dict[str, Any]) -> None:
    with pytest.raises(Unrenderable) as refused:
        rendered(renderer, values)
    assert "a-secret-key" not in str(refused.value)
