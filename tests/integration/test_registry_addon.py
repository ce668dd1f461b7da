"""The catalogue's registry: its own program with the configuration that the chart makes, and containerd with what its
agent writes on a node. Its images are in a folder here; in an object storage in tests/e2e."""

import json
import re
import socket
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from images.tests.https_service import Authority
from tests.integration.entry_programs import entry_program
from tests.integration.registries import NAME, running, until_it_listens

from navarch.charts.entry import Entry, pack, read
from navarch.charts.rendering import Circumstances, Renderer
from navarch_images.entries import Archive
from navarch_images.errors import PushError
from navarch_images.push import Registry

pytestmark = [pytest.mark.kube, pytest.mark.tools]

ROOT = Path(__file__).parents[2]
USERS = [
    {"name": "maker", "password": "made-here"},
    {"name": "taker", "password": "taken-there", "pullOnly": True},
    {"name": "old", "password": "$2y$05$abcdefghijklmnopqrstuuNSpFWQRb2wqHbvI.3Wr9izcr8hQxuCi"},  # of "hashed"
]


@pytest.fixture(scope="module")
def entry() -> Entry:
    return read(pack(ROOT / "addons" / "registry"))


def rendered(renderer: Renderer, entry: Entry, **values: Any) -> dict[str, Any]:
    """Its objects, by kind and name."""
    at = Circumstances("registry", "registry", "1.37.2")
    made = renderer.render(entry.chart, {**entry.trials[0], **values}, at)
    return {f"{o['kind']}/{o['metadata']['name']}": o for o in made.objects}


def test_the_guides_values_are_taken(renderer: Renderer, entry: Entry) -> None:
    page = (ROOT / "docs" / "guide" / "registry.md").read_text()
    (said,) = [block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "# registry.yaml" in block]
    values = yaml.safe_load(said.replace("…", "a password"))
    assert renderer.wrong_values(entry.chart, values) == ()


def test_it_is_not_installed_without_a_bucket_and_users(renderer: Renderer, entry: Entry) -> None:
    named = {wrong.field for wrong in renderer.wrong_values(entry.chart, {})}
    storage = {f"values.storage.{name}" for name in ("endpoint", "bucket", "accessKey", "secretKey")}
    assert storage | {"values.users"} <= named


def test_with_a_certificate_of_a_public_authority_nodes_are_told_nothing(renderer: Renderer, entry: Entry) -> None:
    given = {"certificate": "a certificate", "key": "a key"}
    own = rendered(renderer, entry, tls=given, host="images.example.org")
    assert not {"DaemonSet/registry-nodes", "Secret/registry-authority", "ConfigMap/registry-ca"} & set(own)
    assert b64decode(own["Secret/registry-tls"]["data"]["tls.key"]) == b"a key"
    private = rendered(renderer, entry, tls={**given, "ca": "an authority"}, host="images.example.org")
    assert private["ConfigMap/registry-ca"]["data"]["tls.crt"].strip() == "an authority"
    assert "-host=images.example.org" in container(private["DaemonSet/registry-nodes"])["args"]


def test_another_key_or_user_makes_other_pods(renderer: Renderer, entry: Entry) -> None:
    def mark(**values: Any) -> str:
        template = rendered(renderer, entry, **values)["Deployment/registry"]["spec"]["template"]
        return str(template["metadata"]["annotations"]["navarch.io/configuration"])

    other = {"storage": {**entry.trials[0]["storage"], "secretKey": "another"}}
    assert len({mark(), mark(users=USERS), mark(**other)}) == 3
    assert mark() == mark()


def container(made: dict[str, Any]) -> Any:
    (found,) = made["spec"]["template"]["spec"]["containers"]
    return found


@dataclass(frozen=True, slots=True)
class Here:
    """A running registry of the entry, as a client outside sees it."""

    host: str
    ca: Path

    def push(self, archive: Archive, user: str, password: str) -> bool:
        with Registry(f"https://{self.host}", ca=self.ca, user=user, password=password) as registry:
            return registry.push(archive)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, renderer: Renderer, entry: Entry) -> Iterator[Here]:
    """What the Secret's config.yaml says, but for its storage, its port and where its files are."""
    folder = tmp_path_factory.mktemp("registry-addon")
    data = rendered(renderer, entry, users=USERS)["Secret/registry"]["data"]
    authority = Authority("cluster")
    certificate, key = authority.server_files(folder)
    (folder / "ca.crt").write_text(authority.pem)
    (folder / "users.json").write_bytes(b64decode(data["users.json"]))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = yaml.safe_load(b64decode(data["config.yaml"]))
    assert settings["storage"].pop("s3")["bucket"] == entry.trials[0]["storage"]["bucket"]
    settings["storage"]["filesystem"] = {"rootdirectory": str(folder / "data")}
    settings["auth"]["users"]["file"] = str(folder / "users.json")
    settings["http"]["addr"] = f"127.0.0.1:{port}"
    settings["http"]["tls"] |= {"certificate": str(certificate), "key": str(key)}
    (folder / "config.yaml").write_text(json.dumps(settings))
    argv = [str(entry_program("navarch-registry")), "serve", str(folder / "config.yaml")]
    with running(argv, folder / "log") as process:
        until_it_listens(process, socket.AF_INET, ("127.0.0.1", port), folder / "log")
        yield Here(f"127.0.0.1:{port}", folder / "ca.crt")


def test_who_may_push(here: Here, archive: Archive) -> None:
    for user, password in (("maker", "a guess"), ("maker", ""), ("nobody", "made-here"), ("taker", "taken-there")):
        with pytest.raises(PushError, match="401"):
            here.push(archive, user, password)
    assert here.push(archive, "maker", "made-here")
    assert not here.push(archive, "old", "hashed"), "it is there already"
    assert not here.push(archive, "taker", "taken-there"), "who only pulls may look"


@contextmanager
def node_told(folder: Path, here: Here, authority: str) -> Iterator[Path]:
    """A node's certs.d, which the agent keeps within. While it runs nobody says that the add-on goes."""
    certs = folder / "certs.d"
    certs.mkdir(parents=True)
    (folder / "tls.crt").write_text(authority)
    argv = [str(entry_program("registry-trust")), "nodes", "-service=registry/registry", "-daemonset=registry-nodes"]
    argv += [f"-host={here.host}", f"-authority={folder}", f"-to={certs}", "-listen=127.0.0.1:0"]
    with running(argv, folder / "log") as agent:
        while not (certs / here.host / "ca.crt").exists():
            assert agent.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        hosts = certs / here.host / "hosts.toml"
        # containerd reads the authority where a node has it.
        hosts.write_text(hosts.read_text().replace("/etc/containerd/certs.d", str(certs)))
        yield certs
    assert agent.returncode == 0
    assert hosts.exists(), "a node stays told where nobody says that the add-on goes"


def test_a_node_that_was_told_pulls_with_a_password(
    here: Here, archive: Archive, containerd: list[str], tmp_path: Path
) -> None:
    here.push(archive, "maker", "made-here")
    reference = f"{here.host}/{NAME.partition('/')[2]}@{archive.digest}"

    def pull(certs: Path, *who: str) -> "subprocess.CompletedProcess[str]":
        argv = [*containerd, "images", "pull", "--hosts-dir", str(certs), *who, reference]
        return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)

    with node_told(tmp_path / "wrong", here, Authority("somebody else").pem) as certs:
        assert "certificate" in pull(certs, "--user", "taker:taken-there").stderr
    with node_told(tmp_path / "right", here, here.ca.read_text()) as certs:
        for who, said in ((), "no basic auth credentials"), (("--user", "taker:a guess"), "401 Unauthorized"):
            refused = pull(certs, *who)
            assert refused.returncode and said in refused.stderr, refused
        done = pull(certs, "--user", "taker:taken-there")
        assert done.returncode == 0, done.stderr
