"""What each kind of machine is given when it asks to join."""

import json
import tomllib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from tests.unit.bootstrap.joining import (
    CLUSTER,
    NOW,
    SECRETS,
    all_secrets,
    control_plane,
    facts,
    readable,
    same_key,
    with_replicas,
    worker,
)

from navarch.bootstrap.join import LAST_PHASE, JoinAnswer, JoinFacts, NotYet, join_answer
from navarch.bootstrap.registry import Registry
from navarch.domain.errors import Permanent
from navarch.domain.machines import Machine
from navarch.domain.spec import Role

GOLDEN = Path(__file__).parent / "golden"
FIRST = facts(control_plane(0))


def answers() -> dict[str, JoinAnswer]:
    return {
        "control-plane-0": join_answer(FIRST, SECRETS, NOW),
        "control-plane-1": join_answer(facts(control_plane(1), peers=(0,)), SECRETS, NOW),
        "worker": join_answer(facts(worker(1), peers=(0,)), SECRETS, NOW),
    }


def content(answer: JoinAnswer, path: str) -> str:
    return next(file.content for file in answer.files if file.path == path)


def phases(answer: JoinAnswer) -> list[str]:
    return [step.phase for step in answer.steps]


@pytest.mark.parametrize("name", ["control-plane-0", "control-plane-1", "worker"])
def test_an_answer_is_the_one_that_was_read_and_approved(name: str) -> None:
    assert readable(answers()[name]) == (GOLDEN / f"{name}.yaml").read_text()


@pytest.mark.parametrize("name", ["control-plane-0", "control-plane-1", "worker"])
def test_every_answer_ends_with_the_last_phase_and_can_be_sent(name: str) -> None:
    answer = answers()[name]
    assert phases(answer)[-1] == LAST_PHASE
    assert all(isinstance(word, str) and word for step in answer.steps for word in step.argv)
    assert json.dumps([(file.path, file.mode, file.content) for file in answer.files])


def test_a_worker_gets_no_secret_of_the_cluster() -> None:
    everything = json.dumps([file.content for file in answers()["worker"].files])
    public = {"ca_cert", "etcd_ca_cert", "front_proxy_ca_cert", "sa_public"}
    for name, value in all_secrets().items():
        if name not in public:
            assert value not in everything
            assert json.dumps(value).strip('"') not in everything, name


def test_files_that_hold_keys_are_for_root_alone() -> None:
    for answer in answers().values():
        for file in answer.files:
            if "PRIVATE KEY" in file.content or SECRETS.encryption_key in file.content:
                assert file.mode == "0600", file.path


def test_what_a_machine_is_given_does_not_show_in_logs() -> None:
    shown = repr(answers()["control-plane-0"])
    assert "PRIVATE KEY" not in shown
    assert SECRETS.encryption_key not in shown
    assert "/etc/kubernetes/pki/ca.key" in shown


def test_a_nodes_identity_is_its_own_and_signed_by_the_clusters_authority() -> None:
    pair = content(answers()["worker"], "/var/lib/kubelet/pki/kubelet-client-first.pem")
    certificate, key = pair[: pair.index("-----BEGIN EC")], pair[pair.index("-----BEGIN EC") :]
    parsed = x509.load_pem_x509_certificate(certificate.encode())
    parsed.verify_directly_issued_by(x509.load_pem_x509_certificate(SECRETS.ca_cert.encode()))
    assert parsed.subject.rfc4514_string() == "CN=system:node:shop-3f2a91bc-web-1,O=system:nodes"
    assert same_key(certificate, key)


def test_two_machines_never_share_a_key() -> None:
    one, two = (join_answer(facts(worker(number)), SECRETS, NOW) for number in (1, 2))
    path = "/var/lib/kubelet/pki/kubelet-server.key"
    assert content(one, path) != content(two, path)


def test_a_worker_does_not_wait_for_the_control_plane_to_be_told_what_to_do() -> None:
    assert phases(join_answer(facts(worker(1), peers=()), SECRETS, NOW)) == [
        "PrepareMachine",
        "WaitForAPI",
        "StartKubelet",
        "Joined",
    ]


def test_the_second_control_plane_machine_waits_for_the_first() -> None:
    with pytest.raises(NotYet, match="place 0 has not joined yet") as caught:
        join_answer(facts(control_plane(1)), SECRETS, NOW)
    assert caught.value.after == 1.0


def test_the_third_waits_for_the_second() -> None:
    with pytest.raises(NotYet, match="place 1"):
        join_answer(facts(control_plane(2), peers=(0,)), SECRETS, NOW)
    assert "KubeadmJoin" in phases(join_answer(facts(control_plane(2), peers=(0, 1)), SECRETS, NOW))


def test_a_place_that_takes_its_member_over_waits_for_nobody() -> None:
    asked = facts(control_plane(2), peers=())
    volume = asked.machine.facts.etcd_volume_id

    def with_member_on(volume: str) -> JoinFacts:
        known = replace(asked.machine.facts, member_volume_id=volume)
        return replace(asked, machine=replace(asked.machine, facts=known))

    assert "KubeadmJoin" in phases(join_answer(with_member_on(volume), SECRETS, NOW))
    with pytest.raises(NotYet):  # somebody removed that volume, and this one is blank
        join_answer(with_member_on("an-earlier-volume"), SECRETS, NOW)


def test_a_new_machine_in_the_first_place_joins_a_cluster_that_lives_elsewhere() -> None:
    assert "KubeadmJoin" in phases(join_answer(facts(control_plane(0), peers=(1, 2)), SECRETS, NOW))


def test_a_new_machine_in_the_only_place_initialises_on_the_data_it_finds() -> None:
    only = facts(control_plane(0), peers=(0,), cluster=with_replicas(1))
    assert "KubeadmInit" in phases(join_answer(only, SECRETS, NOW))


def test_the_first_kubelet_speaks_to_its_own_api_server_since_the_balancer_passes_nothing_yet() -> None:
    config = yaml.safe_load(content(answers()["control-plane-0"], "/etc/kubernetes/kubelet.conf"))
    assert config["clusters"][0]["cluster"]["server"] == "https://10.0.0.10:6443"
    config = yaml.safe_load(content(answers()["worker"], "/etc/kubernetes/kubelet.conf"))
    assert config["clusters"][0]["cluster"]["server"] == "https://10.0.0.5:6443"


@pytest.mark.parametrize(
    ("level", "audited"), [("privileged", "privileged"), ("baseline", "restricted"), ("restricted", "restricted")]
)
def test_pods_are_held_to_the_level_that_is_wanted(level: str, audited: str) -> None:
    answer = join_answer(replace(FIRST, pod_security=level), SECRETS, NOW)
    admission = yaml.safe_load(content(answer, "/etc/kubernetes/navarch/admission.yaml"))
    defaults = admission["plugins"][0]["configuration"]["defaults"]
    assert (defaults["enforce"], defaults["warn"], defaults["audit"]) == (level, level, audited)


def test_a_private_api_has_no_public_name_in_its_certificate() -> None:
    private = replace(FIRST, api_public_address=None)
    config = content(join_answer(private, SECRETS, NOW), "/etc/kubernetes/navarch/kubeadm-init.yaml")
    assert list(yaml.safe_load_all(config))[1]["apiServer"]["certSANs"] == ["localhost", "127.0.0.1", "10.0.0.5"]


@pytest.mark.parametrize("machine", [control_plane(0), control_plane(1), worker(1)], ids=["first", "further", "worker"])
def test_a_machine_becomes_what_it_was_made_from_whatever_the_cluster_is_to_be_by_now(machine: Machine) -> None:
    before = replace(
        CLUSTER.spec.release, kubernetes_version="1.36.3", components=(("etcd", "3.6.1-0"), ("coredns", "v1.12.0"))
    )
    asks = facts(replace(machine, template=replace(machine.template, release=before)), peers=(0,) * machine.serial)
    texts = [file.content for file in join_answer(asks, SECRETS, NOW).files]
    said = "\n".join(text for text in texts if "PRIVATE KEY" not in text and not text.startswith("#!"))
    assert "v1.36.3" in said
    assert [tag for tag in ("1.37.2", "3.6.8-0", "v1.14.7") if tag in said] == []
    if machine.role is Role.CONTROL_PLANE:
        config = content(join_answer(asks, SECRETS, NOW), "/etc/kubernetes/navarch/kubeadm-init.yaml")
        written = list(yaml.safe_load_all(config))[1]
        tags = written["kubernetesVersion"], written["etcd"]["local"]["imageTag"], written["dns"]["imageTag"]
        assert tags == ("v1.36.3", "3.6.1-0", "v1.12.0")


def test_control_planes_never_renew_their_certificates_on_the_same_day() -> None:
    days = set()
    for place in range(5):
        answer = join_answer(facts(control_plane(place), peers=tuple(range(place))), SECRETS, NOW)
        timer = content(answer, "/etc/systemd/system/navarch-certificates.timer")
        days.add(next(line for line in timer.splitlines() if line.startswith("OnCalendar=")))
    assert len(days) == 5


@pytest.mark.parametrize(("size_gib", "quota"), [(1, 751619276), (10, 7516192768), (100, 8589934592)])
def test_etcds_quota_fits_its_disk(size_gib: int, quota: int) -> None:
    plane = CLUSTER.spec.control_plane
    plane = replace(plane, etcd_volume=replace(plane.etcd_volume, size_gib=size_gib))
    cluster = replace(CLUSTER, spec=replace(CLUSTER.spec, control_plane=plane))
    answer = join_answer(facts(control_plane(0), cluster=cluster), SECRETS, NOW)
    config = list(yaml.safe_load_all(content(answer, "/etc/kubernetes/navarch/kubeadm-init.yaml")))[1]
    assert {"name": "quota-backend-bytes", "value": str(quota)} in config["etcd"]["local"]["extraArgs"]


def test_dns_is_the_tenth_address_of_the_service_range() -> None:
    network = replace(CLUSTER.spec.network, service_cidr="172.20.128.0/20")
    cluster = replace(CLUSTER, spec=replace(CLUSTER.spec, network=network))
    config = yaml.safe_load(
        content(join_answer(facts(worker(1), cluster=cluster), SECRETS, NOW), "/var/lib/kubelet/config.yaml")
    )
    assert config["clusterDNS"] == ["172.20.128.10"]


@pytest.mark.parametrize("name", ["address", "etcd volume", "etcd", "coredns"])
def test_a_fact_that_was_never_recorded_is_named(name: str) -> None:
    machine = control_plane(0)
    if name in ("etcd", "coredns"):
        release = machine.template.release
        known = tuple(pair for pair in release.components if pair[0] != name)
        machine = replace(machine, template=replace(machine.template, release=replace(release, components=known)))
    else:
        gone: dict[str, Any] = {"address" if name == "address" else "etcd_volume_id": ""}
        machine = replace(machine, facts=replace(machine.facts, **gone))
    with pytest.raises(Permanent, match=name) as caught:
        join_answer(facts(machine), SECRETS, NOW)
    assert caught.value.reason == "JoinFactMissing"


def test_certificates_start_now_whenever_the_machine_asks() -> None:
    later = NOW + timedelta(days=40)
    answer = join_answer(facts(worker(1)), SECRETS, later)
    parsed = x509.load_pem_x509_certificate(content(answer, "/var/lib/kubelet/pki/kubelet-server.crt").encode())
    assert parsed.not_valid_after_utc == later + timedelta(days=30)


@pytest.mark.parametrize("machine", [control_plane(0), worker(1)])
def test_a_machine_pulls_images_from_the_regions_registry_and_from_nowhere_else(machine: Machine) -> None:
    registry = Registry("https://registry.example.org:5443", "-----CA-----", ("registry.navarch.internal", "docker.io"))
    answer = join_answer(replace(facts(machine), registry=registry), SECRETS, NOW)
    files = {file.path: file.content for file in answer.files}
    for mirror in registry.mirrors:
        hosts = tomllib.loads(files[f"/etc/containerd/certs.d/{mirror}/hosts.toml"])
        ca = {"ca": "/etc/navarch/registry-ca.crt"}
        assert hosts == {
            "server": registry.url,
            **ca,
            "host": {registry.url: {"capabilities": ["pull", "resolve"], **ca}},
        }
    assert files["/etc/navarch/registry-ca.crt"] == "-----CA-----"


def test_a_registry_of_a_public_authority_needs_none_on_the_machine() -> None:
    registry = Registry("https://registry.example.org", "", ("registry.navarch.internal",))
    answer = join_answer(replace(facts(worker(1)), registry=registry), SECRETS, NOW)
    files = {file.path: file.content for file in answer.files}
    assert "/etc/navarch/registry-ca.crt" not in files
    assert "ca" not in tomllib.loads(files["/etc/containerd/certs.d/registry.navarch.internal/hosts.toml"])


def test_without_a_registry_of_the_region_containerd_is_told_nothing() -> None:
    assert not [file.path for file in join_answer(FIRST, SECRETS, NOW).files if "certs.d" in file.path]
