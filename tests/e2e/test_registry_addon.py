"""The add-on registry on a real cluster, with the lab's object storage: docs/guide/registry.md."""

import json
import secrets
import ssl
import urllib.request
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
import yaml
from demo.steps import until
from tests.e2e.catalogue import addon, names, of_the_server, offered
from tests.e2e.clusters import Cluster
from tests.e2e.inside import processes
from tests.e2e.s3 import ENDPOINT, Bucket, bucket

from navarch_images import oci
from navarch_images.cache import Cache
from navarch_images.entries import Archive
from navarch_images.errors import PushError
from navarch_images.programs import build_all
from navarch_images.push import Registry
from navarch_images.release import find, known
from navarch_lab.topology import REGION

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1800)]

NAME = "registry"
MAKER, TAKER = ("maker", secrets.token_hex(8)), ("nodes", secrets.token_hex(8))


def values(one: Cluster, images: Bucket) -> dict[str, Any]:
    """What the guide's registry.yaml says, for the lab."""
    return {
        "storage": {
            "endpoint": ENDPOINT,
            "region": REGION,
            "bucket": images.name,
            "accessKey": images.access,
            "secretKey": images.secret,
            "ca": one.customer.stack.lab.ca_file.read_text(),
        },
        "users": [
            {"name": MAKER[0], "password": MAKER[1]},
            {"name": TAKER[0], "password": TAKER[1], "pullOnly": True},
        ],
    }


def image(folder: Path, name: str) -> Archive:
    """An image that runs, and that nobody else has: a program, and a layer of its own."""
    components = find(known()[-1]).components
    (web,) = build_all([c for c in components if c.name == "sample-web"], Cache.default(), print)
    (folder / "chance").write_text(secrets.token_hex(512))
    entries = [oci.Entry("/web", source=web.binary("sample-web")), oci.Entry("/chance", source=folder / "chance")]
    layers = [oci.write_layer(folder / f"{entry.path[1:]}.tar", [entry]) for entry in entries]
    digest = oci.write_archive(folder / "image.tar", name, layers, ["/web", "-book=/book"], {}, {})
    return Archive(name, digest, folder / "image.tar")


class Reached:
    """The registry as somebody outside reaches it: by the balancer's address, believed by its CA."""

    def __init__(self, one: Cluster, folder: Path) -> None:
        service = one.kubectl.get("service", NAME, "-n", NAME)
        self.host = str(service["status"]["loadBalancer"]["ingress"][0]["ip"])
        self.ca = folder / "ca.crt"
        self.ca.write_text(one.kubectl.get("configmap", f"{NAME}-ca", "-n", NAME)["data"]["tls.crt"])

    def push(self, archive: Archive, user: tuple[str, str]) -> bool:
        with Registry(f"https://{self.host}", ca=self.ca, user=user[0], password=user[1]) as registry:
            return registry.push(archive)

    def delete(self, archive: Archive, user: tuple[str, str]) -> None:
        name = archive.reference.split("/", 1)[1].rpartition(":")[0]
        url = f"https://{self.host}/v2/{name}/manifests/{archive.digest}"
        who = {"Authorization": f"Basic {b64encode(':'.join(user).encode()).decode()}"}
        context = ssl.create_default_context(cafile=str(self.ca))
        with urllib.request.urlopen(urllib.request.Request(url, headers=who, method="DELETE"), context=context) as done:
            assert done.status == 202


def blob(digest: str) -> str:
    """Where distribution has a blob in the bucket."""
    word = digest.removeprefix("sha256:")
    return f"docker/registry/v2/blobs/sha256/{word[:2]}/{word}/data"


def pull_secret(one: Cluster, host: str, name: str, user: tuple[str, str]) -> None:
    who = (f"--docker-server={host}", f"--docker-username={user[0]}", f"--docker-password={user[1]}")
    one.kubectl.run("create", "secret", "docker-registry", name, *who)


def start(one: Cluster, name: str, reference: str, secret: str, node: str) -> None:
    """A pod of an image, on a node."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"story": "registry"}},
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": node},
            "imagePullSecrets": [{"name": secret}],
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "c", "image": reference, "imagePullPolicy": "Always"}],
        },
    }
    one.kubectl.run("apply", "-f", "-", stdin=json.dumps(pod))


def container(one: Cluster, name: str) -> Any:
    return next(iter(one.kubectl.get("pod", name)["status"].get("containerStatuses", [])), {})


def running(one: Cluster, name: str) -> Any:
    """The state of a pod's container, once it is ready."""
    until(f"{name} runs", lambda: container(one, name).get("ready"), seconds=120)
    return container(one, name)


def told(one: Cluster, host: str) -> list[bool]:
    """Of each worker whether its containerd is told of the host, seen on its disk."""
    workers = [server for server in one.servers() if server.name in one.workers()]
    pids = [processes(server, "containerd")[0] for server in workers]
    return [Path(f"/proc/{pid}/root/etc/containerd/certs.d/{host}/hosts.toml").exists() for pid in pids]


def test_images_of_ones_own_are_pushed_pulled_collected_and_stay(one: Cluster, tmp_path: Path) -> None:
    kubectl = one.kubectl
    with bucket(one, f"images-{secrets.token_hex(4)}") as images, offered(one, NAME):
        said = tmp_path / "registry.yaml"
        said.write_text(yaml.safe_dump(values(one, images)))
        one.customer.must("addon", "install", NAME, "-c", one.name, "-f", str(said), timeout=900)
        assert addon(one, NAME)["status"]["phase"] == "Ready"
        reached = Reached(one, tmp_path)
        try:
            pushed_and_pulled(one, images, reached, tmp_path)
            collected(one, images, reached, tmp_path)
        finally:
            kubectl.run("delete", "pod", "-l", "story=registry", "--now")
            kubectl.run("delete", "secret", "images", "wrong", "--ignore-not-found")
        one.customer.must("addon", "update", NAME, "-c", one.name, "--set", "replicas=1", timeout=900)
        assert reached.push(image(tmp_path, f"{reached.host}/shop/web:3"), MAKER), "its sealed values are as before"
        there = images.held()
        one.customer.must("addon", "remove", NAME, "-c", one.name, "--with-data", "--yes", timeout=900)
        assert NAME not in names(one)
        assert kubectl.run("get", "namespace", NAME, "--ignore-not-found") == ""
        until("no node is told of it", lambda: not any(told(one, reached.host)), seconds=60)
        assert images.held() == there, "the bucket stays as it was"
        balancers = [balancer.name for balancer in one.cloud.load_balancer.load_balancers()]
        assert not [name for name in balancers if name.endswith(f"_{NAME}_{NAME}")]
    of_the_server(one, "catalogue", "remove", NAME, "1.0.1")


def pushed_and_pulled(one: Cluster, images: Bucket, reached: Reached, folder: Path) -> None:
    made = image(folder, f"{reached.host}/shop/web:1")
    for user in (TAKER, (MAKER[0], "a guess"), ("nobody", MAKER[1])):
        with pytest.raises(PushError, match="401"):
            reached.push(made, user)
    assert not images.held()
    assert reached.push(made, MAKER)
    assert blob(made.digest) in images.held()
    assert all(told(one, reached.host))
    pull_secret(one, reached.host, "images", TAKER)
    pull_secret(one, reached.host, "wrong", (TAKER[0], "a guess"))
    workers = sorted(one.workers())
    for number, node in enumerate(workers):
        start(one, f"web-{number}", made.reference, "images", node)
    start(one, "refused", made.reference, "wrong", workers[0])
    for number in range(len(workers)):
        assert running(one, f"web-{number}")["imageID"].endswith(made.digest)

    def refused() -> bool:
        waits = container(one, "refused").get("state", {}).get("waiting", {})
        return waits.get("reason") in ("ErrImagePull", "ImagePullBackOff") and "401 Unauthorized" in waits.get(
            "message", ""
        )

    until("a wrong password is refused", refused, seconds=60)


def collected(one: Cluster, images: Bucket, reached: Reached, folder: Path) -> None:
    """What an image that was deleted had alone is removed; another one, which shares a layer with it, stays whole."""
    one.kubectl.run("delete", "pod", "-l", "story=registry", "--now")
    deleted, kept = folder / "deleted", folder / "kept"
    for each in (deleted, kept):
        each.mkdir()
    old, new = image(deleted, f"{reached.host}/shop/old:1"), image(kept, f"{reached.host}/shop/new:1")
    for archive in (old, new):
        reached.push(archive, MAKER)
    alone, shared = oci.Layer.of(deleted / "chance.tar").digest, oci.Layer.of(kept / "web.tar").digest
    assert {blob(old.digest), blob(alone), blob(shared)} <= images.held()
    reached.delete(old, MAKER)
    one.kubectl.run("create", "job", f"--from=cronjob/{NAME}-collect", "now", "-n", NAME)
    one.kubectl.run("wait", "job/now", "-n", NAME, "--for=condition=complete", "--timeout=180s")
    there = images.held()
    assert not {blob(old.digest), blob(alone)} & there
    assert {blob(new.digest), blob(shared)} <= there
    assert "navarch-collecting" not in there
    start(one, "kept", new.reference, "images", sorted(one.workers())[0])
    running(one, "kept")
