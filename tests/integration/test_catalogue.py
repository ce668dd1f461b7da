"""Entries of the catalogue, rendered by Helm's own engine: what is good, and what is refused before it is installed."""

import base64
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from navarch import __version__
from navarch.addons import packages
from navarch.addons.catalogue import names
from navarch.charts.checking import problems
from navarch.charts.differing import MASK, masked
from navarch.charts.entry import NoEntry, pack, read
from navarch.charts.objects import KEEP, annotation
from navarch.charts.rendering import Circumstances, Found, Lookup, Renderer, Unrenderable
from navarch.domain.errors import Permanent
from navarch.main.wire import required_entries
from navarch.operate.catalogue import add, check, listed
from navarch.operate.chart_registry import Credentials
from navarch.store.postgres import PostgresStore

pytestmark = pytest.mark.tools

ADDONS = Path(__file__).parents[2] / "addons"
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
CHART = """\
apiVersion: v2
name: demo
version: 1.0.0
description: For tests.
kubeVersion: ">=1.36.0-0"
annotations:
  artifacthub.io/category: database
  artifacthub.io/license: Apache-2.0
  artifacthub.io/images: "[]"
"""
SCHEMA = '{"type": "object", "properties": {"size": {"type": "integer"}}, "additionalProperties": false}'
Write = Callable[..., Path]
NOBODY = Credentials()
NAMES = names()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A chart with one template."""

    def written(template: str) -> Path:
        folder = tmp_path / "demo"
        (folder / "templates").mkdir(parents=True, exist_ok=True)
        (folder / "Chart.yaml").write_text(CHART)
        (folder / "navarch.yaml").write_text("title: Demo\n")
        (folder / "values.schema.json").write_text(SCHEMA)
        (folder / "templates" / "a.yaml").write_text(template)
        return folder

    return written


def pem(serial: int) -> str:
    return f"-----BEGIN CERTIFICATE-----\nMIIB{serial}\n-----END CERTIFICATE-----"


def config_map(data: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{a: {data}}}\n"


def test_every_entry_of_ours_is_good(renderer: Renderer) -> None:
    told, good = check(renderer, str(ADDONS), NOBODY, NAMES)
    assert told.splitlines() == [
        "cert-manager 1.1.0: good",
        "external-dns 1.0.1: good",
        "headroom 1.0.1: good",
        "logging 1.1.1: good",
        "monitoring 1.2.0: good",
        "opentelemetry 1.1.0: good",
        "prometheus 1.1.0: good",
        "registry 1.0.1: good",
    ]
    assert good


def test_what_entries_are_said_to_need_is_what_their_pods_ask_for(renderer: Renderer) -> None:
    """In a cluster with two workers and one control-plane machine: a DaemonSet has a pod on each of either."""
    for folder in sorted(path for path in ADDONS.iterdir() if (path / "Chart.yaml").is_file()):
        entry = read(pack(folder))
        made = renderer.render(entry.chart, entry.trials[0], Circumstances("e", "e", "1.37.2")).objects
        asked = Counter[str]()
        for o in (o for o in made if o["kind"] in ("Deployment", "StatefulSet", "DaemonSet")):
            on_workers = CONTROL_PLANE not in o["spec"]["template"]["spec"].get("nodeSelector", {})
            pods = (1, 2)[on_workers] if o["kind"] == "DaemonSet" else o["spec"]["replicas"]
            for resource, amount in pod_requests(o["spec"]["template"]["spec"]).items():
                asked[resource] += pods * amount
        for resource, amount in operated_requests(made).items():
            asked[resource] += amount
        needs = entry.card.needs
        assert (needs.memory_mib, needs.cpu_millis) == (asked["memory"], asked["cpu"]), folder.name


def operated_requests(made: Iterable[dict[str, Any]]) -> Counter[str]:
    """Of the pods that Prometheus Operator makes, each with a reloader beside it, as its arguments say."""
    asked = Counter[str]()
    operated = [o["spec"] for o in made if o["kind"] in ("Prometheus", "Alertmanager")]
    if operated:
        (program,) = (o for o in made if o["metadata"]["name"] == "e-operator" and o["kind"] == "Deployment")
        args = " ".join(program["spec"]["template"]["spec"]["containers"][0]["args"])
        reloader = dict(re.findall(r"--config-reloader-(cpu|memory)-request=(\S+)", args))
        for spec in operated:
            containers = [{"resources": spec["resources"]}, {"resources": {"requests": reloader}}]
            asked.update(pod_requests({**spec, "containers": containers}))
    return asked


def pod_requests(spec: dict[str, Any]) -> dict[str, int]:
    """What a scheduler keeps for a pod, in MiB and thousandths of a processor: its containers', or an init
    container's where that is more."""
    units = {"memory": {"Mi": 1, "Gi": 1024}, "cpu": {"m": 1}}

    def of(container: dict[str, Any], resource: str) -> int:
        number, unit = re.fullmatch(r"(\d+)(\D+)", container["resources"]["requests"][resource]).groups()  # type: ignore[union-attr]
        return int(number) * units[resource][unit]

    begin = spec.get("initContainers", ())
    return {
        resource: max(sum(of(c, resource) for c in spec["containers"]), *(of(c, resource) for c in begin), 0)
        for resource in units
    }


def test_an_image_is_used_with_the_digest_that_the_card_says(renderer: Renderer, write: Write) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {{containers: [{{name: c, image: 'x:1{}'}}]}}\n"
    one, other = f"@sha256:{'1' * 64}", f"@sha256:{'2' * 64}"
    for used, said in ((one, ()), ("", ()), (other, ("image x:1 is used with another digest than Chart.yaml says",))):
        folder = write(pod.format(used))
        named = CHART.replace('images: "[]"', f"images: \"[{{image: 'x:1{one}'}}]\"")
        (folder / "Chart.yaml").write_text(named)
        assert problems(read(pack(folder)), renderer) == said


def test_monitorings_namespace_is_privileged_only_where_it_measures_machines(renderer: Renderer) -> None:
    entry = read(pack(ADDONS / "monitoring"))
    for measures, level in ((True, "privileged"), (False, "restricted")):
        made = renderer.render(entry.chart, {"nodeExporter": measures}, Circumstances("m", "watch", "1.37.2")).objects
        (namespace,) = [o for o in made if o["kind"] == "Namespace" and o["metadata"]["name"] == "watch"]
        assert namespace["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": level}
        of_machines = [o for o in made if o["kind"] == "DaemonSet" and o["metadata"]["namespace"] == "watch"]
        assert bool(of_machines) == measures


@pytest.mark.parametrize("name", ["monitoring", "prometheus"])
def test_without_the_control_planes_figures_nothing_is_there_of_them(renderer: Renderer, name: str) -> None:
    """No agent, no rule that waits for what it does not push, and no way to push into Prometheus."""
    entry = read(pack(ADDONS / name))

    def made(**values: Any) -> list[dict[str, Any]]:
        return [dict(o) for o in renderer.render(entry.chart, values, Circumstances("m", "watch", "1.37.2")).objects]

    with_it, without = made(), made(controlPlane=False)
    for word in ("vmagent:", "m-cloud-controller", "etcdNoLeader", "enableRemoteWriteReceiver"):
        assert word not in str(without), word
    assert "vmagent:" in str(with_it) and "etcdNoLeader" in str(with_it)
    assert ("'enableRemoteWriteReceiver': True" in str(with_it)) == (name == "prometheus")


@pytest.mark.parametrize("name", ["monitoring", "prometheus"])
def test_what_guards_the_control_planes_agent_stays_as_long_as_its_namespace_may(renderer: Renderer, name: str) -> None:
    """A namespace stays where the agent is switched off: unguarded it would lead to root on the control plane. So would
    what the agent is told to read, in the network of its machine."""
    entry = read(pack(ADDONS / name))
    made = renderer.render(entry.chart, {}, Circumstances("m", "watch", "1.37.2")).objects
    guards = [dict(o) for o in made if o["kind"].startswith("ValidatingAdmissionPolicy")]
    assert [g["metadata"]["name"] for g in guards] == ["m-control-plane"] * 2
    assert all(annotation(guard, KEEP) == "keep" for guard in guards)
    (policy,) = (guard["spec"] for guard in guards if guard["kind"] == "ValidatingAdmissionPolicy")
    assert {"configmaps", "pods"} <= set(policy["matchConstraints"]["resourceRules"][0]["resources"])


def test_monitorings_webhook_is_in_a_secret_alone(renderer: Renderer) -> None:
    entry = read(pack(ADDONS / "monitoring"))

    def made(**alerts: Any) -> dict[tuple[str, str], dict[str, Any]]:
        done = renderer.render(entry.chart, {"alerts": alerts}, Circumstances("m", "watch", "1.37.2")).objects
        return {(o["kind"], o["metadata"]["name"]): dict(o) for o in done}

    hook = "https://hooks.example.org/T0/very-secret"
    objects = made(webhook=hook, ca=[pem(1), pem(2)])
    secret = objects.pop(("Secret", "m-alertmanager"))
    assert base64.b64decode(secret["data"]["webhook"]).decode() == hook
    assert "very-secret" not in str(objects)
    config = yaml.safe_load(base64.b64decode(secret["data"]["alertmanager.yml"]))
    assert config["route"]["receiver"] == "webhook"
    assert "tls_config" in str(config["receivers"])
    assert base64.b64decode(secret["data"]["ca.pem"]) == f"{pem(1)}\n{pem(2)}".encode()
    silent = yaml.safe_load(base64.b64decode(made()["Secret", "m-alertmanager"]["data"]["alertmanager.yml"]))
    assert (silent["route"]["receiver"], [r["name"] for r in silent["receivers"]]) == ("nobody", ["nobody"])

    def mark(**alerts: Any) -> str:
        pod = made(**alerts)["Deployment", "m-alertmanager"]["spec"]["template"]["metadata"]
        return str(pod["annotations"]["navarch.io/configuration"])

    def route(to: str) -> dict[str, Any]:
        return {"route": {"receiver": to}, "receivers": [{"name": to}]}

    assert mark(config=route("a")) == mark(config=route("a")) != mark(config=route("b")), "its pod begins anew"
    own = made(config=route("a"))["Secret", "m-alertmanager"]["data"]["alertmanager.yml"]
    assert yaml.safe_load(base64.b64decode(own)) == route("a")
    theirs = made(alertmanager="http://mine.example.org:9093")
    assert ("Secret", "m-alertmanager") not in theirs
    assert "-notifier.url=http://mine.example.org:9093" in str(theirs["Deployment", "m-alerts"])
    assert ("Deployment", "m-alerts") not in made(enabled=False)


def test_monitorings_rules_are_shown_and_a_misspelt_field_of_one_is_named(renderer: Renderer) -> None:
    entry = read(pack(ADDONS / "monitoring"))
    rule = {"alert": "NoOrders", "expr": "orders == 0", "for": "5m", "labels": {"severity": "critical"}}
    values: dict[str, dict[str, Any]]
    values = {"alerts": {"rules": [{"name": "mine", "rules": [rule]}], "webhook": "https://hooks.example.org/T0"}}
    assert renderer.wrong_values(entry.chart, values) == ()
    shown = masked(values, entry.schema)["alerts"]
    assert (shown["rules"], shown["webhook"]) == (values["alerts"]["rules"], MASK)
    values["alerts"]["rules"] = [{"name": "mine", "rules": [{**rule, "four": "5m"}]}]
    (wrong,) = renderer.wrong_values(entry.chart, values)
    assert wrong.field.startswith("values.alerts.rules")
    assert "four" in f"{wrong.field} {wrong.detail}"


def test_prometheus_keeps_webhook_and_passwords_in_secrets_and_has_monitorings_values(renderer: Renderer) -> None:
    entry, small = read(pack(ADDONS / "prometheus")), read(pack(ADDONS / "monitoring"))
    assert set(entry.schema["properties"]) == {*small.schema["properties"], "grafana"}
    assert (
        entry.schema["properties"]["alerts"]["properties"].keys()
        == small.schema["properties"]["alerts"]["properties"].keys()
    )

    def made(**values: Any) -> dict[tuple[str, str], dict[str, Any]]:
        done = renderer.render(entry.chart, values, Circumstances("p", "watch", "1.37.2")).objects
        return {(o["kind"], o["metadata"]["name"]): dict(o) for o in done}

    hook, image = "https://hooks.example.org/T0/very-secret", f"registry.example.org/grafana:1@sha256:{'1' * 64}"
    grafana = {"enabled": True, "image": image, "password": "very-secret", "pullSecret": "mine"}
    objects = made(alerts={"webhook": hook, "ca": [pem(1)]}, grafana=grafana)
    secret, password = objects.pop(("Secret", "p-alertmanager"))["data"], objects.pop(("Secret", "p-grafana"))["data"]
    assert base64.b64decode(secret["webhook"]).decode() == hook
    assert base64.b64decode(password["password"]) == b"very-secret"
    assert "very-secret" not in str(objects)
    (receiver,) = yaml.safe_load(base64.b64decode(secret["alertmanager.yaml"]))["receivers"][1]["webhook_configs"]
    assert receiver["url_file"] == "/etc/alertmanager/secrets/p-alertmanager/webhook"
    assert objects["Alertmanager", "p"]["spec"]["secrets"] == ["p-alertmanager"], "it is mounted there"
    pod = objects["Deployment", "p-grafana"]["spec"]["template"]["spec"]
    assert (pod["containers"][0]["image"], pod["imagePullSecrets"]) == (image, [{"name": "mine"}])
    shown = {n for (kind, n), o in objects.items() if kind == "ConfigMap" and "grafana_dashboard" in str(o["metadata"])}
    (mounted,) = (v["projected"]["sources"] for v in pod["volumes"] if "projected" in v)
    assert {source["configMap"]["name"] for source in mounted} == shown
    assert len(shown) == 5
    theirs = made(alerts={"alertmanager": "https://mine.example.org:9093/a"}, storage={"size": "1Ti"})
    (asked,) = yaml.safe_load(base64.b64decode(theirs["Secret", "p-targets"]["data"]["alertmanagers.yaml"]))
    assert (asked["scheme"], asked["path_prefix"]) == ("https", "/a")
    assert asked["static_configs"] == [{"targets": ["mine.example.org:9093"]}]
    assert ("Alertmanager", "p") not in theirs
    assert theirs["Prometheus", "p"]["spec"]["retentionSize"] == f"{1024 * 1024 * 85 // 100}MiB"
    assert not {kind for kind, _ in made(alerts={"enabled": False})} & {"Alertmanager", "PrometheusRule"}


@pytest.mark.parametrize(
    ("grafana", "field"),
    [
        ({"enabled": True}, "grafana.image"),
        ({"enabled": True, "image": "r/grafana:12", "password": "12345678"}, "grafana.image"),
        ({"enabled": True, "image": f"r/grafana@sha256:{'1' * 64}", "password": "short"}, "grafana.password"),
    ],
)
def test_grafana_is_run_by_a_digest_and_with_a_password_alone(
    renderer: Renderer, grafana: dict[str, Any], field: str
) -> None:
    wrong = renderer.wrong_values(read(pack(ADDONS / "prometheus")).chart, {"grafana": grafana})
    assert f"values.{field}" in {e.field for e in wrong}, wrong


RULE = {"alert": "A", "expr": "up == 0"}


@pytest.mark.parametrize(
    ("alerts", "field"),
    [
        ({"alertmanager": "https://me:secret@mine.example.org"}, "alertmanager"),
        ({"alertmanager": "http://mine.example.org -x"}, "alertmanager"),
        ({"rules": [{"name": "g", "rules": [{"expr": "up == 0"}]}]}, "rules.0.rules.0"),
        ({"rules": [{"name": "g", "rules": [{**RULE, "record": "a:b"}]}]}, "rules.0.rules.0"),
        ({"rules": [{"name": "g", "rules": [{**RULE, "expr": ""}]}]}, "rules.0.rules.0.expr"),
        ({"rules": [{"name": "g", "rules": [{**RULE, "labels": {"__name__": "a"}}]}]}, "rules.0.rules.0.labels"),
        ({"rules": [{"name": "g", "labels": {"__name__": "a"}, "rules": [RULE]}]}, "rules.0.labels"),
    ],
)
def test_monitoring_takes_no_rule_that_vmalert_would_not_begin_with(
    renderer: Renderer, alerts: dict[str, Any], field: str
) -> None:
    entry = read(pack(ADDONS / "monitoring"))
    wrong = renderer.wrong_values(entry.chart, {"alerts": alerts})
    assert {e.field for e in wrong} == {f"values.alerts.{field}"}, wrong


def test_values_reach_the_objects(renderer: Renderer) -> None:
    entry = read(pack(ADDONS / "headroom"))
    values = {"replicas": 3, "nodeSelector": {"pool": "web"}}
    made = renderer.render(entry.chart, values, Circumstances("room", "headroom", "1.37.2"))
    spec = next(o for o in made.objects if o["kind"] == "Deployment")["spec"]
    assert (spec["replicas"], spec["template"]["spec"]["nodeSelector"]) == (3, {"pool": "web"})
    assert spec["template"]["spec"]["priorityClassName"] == "room"


def test_every_value_that_does_not_fit_is_named(renderer: Renderer) -> None:
    entry = read(pack(ADDONS / "headroom"))
    wrong = renderer.wrong_values(entry.chart, {"replicas": "x", "nodeSelector": {"a": 1}, "colour": "red"})
    assert {e.field for e in wrong} == {"values", "values.replicas", "values.nodeSelector.a"}


@pytest.mark.parametrize("name", ["headroom", "monitoring", "prometheus", "registry"])
def test_labels_of_nodes_are_such_as_kubernetes_takes(renderer: Renderer, name: str) -> None:
    entry = read(pack(ADDONS / name))

    def wrong(**labels: str) -> set[str]:
        found = renderer.wrong_values(entry.chart, {**entry.trials[0], "nodeSelector": labels})
        return {error.field for error in found}

    assert not wrong(**{"navarch.io/node-group": "blue", "disk": "", "a.b/C_d": "x.Y-9"})
    assert "values.nodeSelector" in wrong(**{"a b": "c"})
    assert "values.nodeSelector" in wrong(**{"a/b/c": "d"})
    assert wrong(a="two words") == {"values.nodeSelector.a"}


@pytest.mark.parametrize("name", ["monitoring", "prometheus"])
def test_a_webhooks_authority_is_a_certificate_in_pem(renderer: Renderer, name: str) -> None:
    entry = read(pack(ADDONS / name))

    def wrong(*certificates: str) -> set[str]:
        alerts = {"webhook": "https://hooks.example.org", "ca": certificates}
        return {error.field for error in renderer.wrong_values(entry.chart, {"alerts": alerts})}

    assert not wrong(pem(1), f"{pem(2)}\n{pem(3)}\n")
    assert wrong(pem(1), "/etc/ssl/ca.pem") == {"values.alerts.ca.1"}
    assert wrong(pem(1).replace("CERTIFICATE", "PRIVATE KEY")) == {"values.alerts.ca.0"}


def test_a_chart_for_another_kubernetes_says_so(renderer: Renderer) -> None:
    entry = read(pack(ADDONS / "headroom"))
    with pytest.raises(Unrenderable, match=r"is for Kubernetes .* and this is v1\.30\.0"):
        renderer.render(entry.chart, {}, Circumstances("room", "headroom", "1.30.0"))


def test_what_is_made_by_chance_must_be_looked_up(renderer: Renderer, write: Write) -> None:
    by_chance = read(pack(write(config_map("{{ randAlphaNum 9 }}"))))
    assert problems(by_chance, renderer) == (
        "ConfigMap a is another one at each rendering: look up in the cluster what is made by chance",
    )
    template = (
        '{{ $there := lookup "v1" "ConfigMap" .Release.Namespace "a" }}\n'
        + config_map("{{ if $there }}{{ $there.data.a }}{{ else }}{{ randAlphaNum 9 }}{{ end }}")
    )  # fmt: skip
    looked_up = read(pack(write(template)))
    assert problems(looked_up, renderer) == ()
    at = Circumstances("demo", "demo")
    (asked,) = renderer.render(looked_up.chart, {}, at).lookups
    assert asked == Lookup("v1", "ConfigMap", "demo", "a")
    found = Found(asked, ({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "kept"}},))
    made = renderer.render(looked_up.chart, {}, Circumstances("demo", "demo", found=(found,)))
    assert made.objects[0]["data"] == {"a": "kept"}


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ fail `no way` }}", "no way"),
        (config_map("{{ .Values.nothing.there }}"), "nil pointer"),
        ("apiVersion: v1\nkind: ConfigMap\nkind: Secret\n", "already set"),
        (config_map("1") + "---\n" + config_map("2"), "ConfigMap a is there twice"),
        (
            "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, annotations: {helm.sh/hook: post-rollback}}\n",
            "the hook post-rollback is not supported",
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: 'x:1'}]}\n",
            "image x:1 is used, and not among the images",
        ),
    ],
)
def test_what_cannot_be_kept_is_refused(renderer: Renderer, write: Write, template: str, said: str) -> None:
    (problem, *_) = problems(read(pack(write(template))), renderer)
    assert said in problem


def test_a_template_sees_no_environment_and_no_names(renderer: Renderer, write: Write) -> None:
    entry = read(pack(write(config_map('{{ getHostByName "localhost" | quote }}'))))
    made = renderer.render(entry.chart, {}, Circumstances("demo", "demo"))
    assert made.objects[0]["data"] == {"a": ""}
    with pytest.raises(Unrenderable, match='function "env" not defined'):
        renderer.render(read(pack(write(config_map('{{ env "HOME" }}')))).chart, {}, Circumstances("demo", "demo"))


def test_a_link_is_packed_as_what_it_leads_to_in_a_chart_and_leads_nowhere_else(write: Write, tmp_path: Path) -> None:
    folder, other, outside = write(config_map("1")), tmp_path / "other", tmp_path / "secret.yaml"
    plain = pack(folder)
    (other / "templates").mkdir(parents=True)
    (other / "Chart.yaml").write_text(CHART)
    (template := folder / "templates" / "a.yaml").rename(other / "templates" / "a.yaml")
    template.symlink_to("../../other/templates/a.yaml")
    assert pack(folder) == plain
    outside.write_text(config_map("1"))
    for to in ("../../secret.yaml", "/etc/hostname"):
        template.unlink()
        template.symlink_to(to)
        with pytest.raises(NoEntry, match=r"templates/a\.yaml is a link to what is in no chart of"):
            pack(folder)


@pytest.mark.postgres
def test_entries_are_added_once_and_never_changed(store: PostgresStore, renderer: Renderer, write: Write) -> None:
    folder = write(config_map("1"))
    assert add(store, renderer, str(folder), NOBODY, NAMES) == ("demo 1.0.0: added", True)
    assert add(store, renderer, str(folder), NOBODY, NAMES) == ("demo 1.0.0: is there already", True)
    told, good = add(store, renderer, str(write(config_map("2"))), NOBODY, NAMES)
    assert not good
    assert "is in the catalogue with another chart; give it another version" in told
    _, demo, access, *others = listed(store, (e.card for e in required_entries()), as_json=False).splitlines()
    assert demo.split() == ["demo", "1.0.0", ">=1.36.0-0", "0", "For", "tests."]
    assert access.split()[:5] == ["access", __version__, ">=1.36.0-0", "0", "required"]
    assert len(others) == len(NAMES) - 1
    assert store.chart("demo", "1.0.0") == pack(write(config_map("1")))


@pytest.mark.postgres
def test_what_every_cluster_has_is_in_no_regions_catalogue(
    store: PostgresStore, renderer: Renderer, write: Write, tmp_path: Path
) -> None:
    said = "coredns is an add-on that every cluster has: those come with Navarch, and are in no region's catalogue"
    folder = write(config_map("1"))
    (folder / "Chart.yaml").write_text(CHART.replace("name: demo", "name: coredns"))
    assert check(renderer, str(folder), NOBODY, NAMES) == (f"{folder}: {said}", False)
    assert add(store, renderer, str(folder), NOBODY, NAMES) == (f"{folder}: {said}", False)
    (ours,) = (place for place in packages.__path__)
    told, good = add(store, renderer, ours, NOBODY, ())
    assert (len(told.splitlines()), good) == (len(NAMES), False)
    assert f"{ours}/coredns: {said}" in told
    assert store.entries() == ()


def test_without_the_program_that_is_said(write: Write) -> None:
    with pytest.raises(Permanent, match=r"catalogue\.renderer is not set"):
        check(None, str(write(config_map("1"))), NOBODY, NAMES)
    with pytest.raises(Permanent, match="charts cannot be rendered: /nowhere"):
        problems(read(pack(write(config_map("1")))), Renderer(Path("/nowhere")))
