"""Command lines against a server: what is sent, what is printed, how it ends."""

import json
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.cli.cli_service import Answer, Ran, Service

Run = Callable[..., Ran]
Make = Callable[..., dict[str, Any]]
ID = "0d5a2f0e-0000-4000-8000-000000000001"
COMMANDS = [
    "", "cluster", "cluster create", "cluster list", "cluster show", "cluster update", "cluster delete",
    "cluster upgrade", "cluster stop", "cluster start", "machine delete",
    "cluster kubeconfig", "cluster wait", "cluster events", "cluster plan", "cluster timeline", "nodegroup",
    "nodegroup create", "nodegroup list", "nodegroup show", "nodegroup update", "nodegroup scale", "nodegroup delete",
    "nodegroup explain", "kubeconfig", "kubeconfig list", "kubeconfig revoke",
    "machine", "machine list", "machine show", "versions", "flavors", "zones", "volume-types", "external-networks",
    "quota", "doctor", "completion",
]  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_has_help(navarch: Run, words: str) -> None:
    ran = navarch(*words.split(), "--help")
    assert ran.code == 0
    assert ran.out.startswith(f"Usage: navarch {words}".rstrip())
    assert navarch(*words.split(), "-h").out == ran.out


def test_an_unknown_command_is_a_usage_error(navarch: Run) -> None:
    ran = navarch("cluster", "crate", "x")
    assert ran.code == 2
    assert "crate" in ran.err


def test_a_name_is_all_that_create_needs(navarch: Run, service: Service, cluster: Make) -> None:
    service.on("POST", "/clusters", Answer(202, cluster("Progressing")))
    ran = navarch("cluster", "create", "shop", "--no-wait")
    assert ran.code == 0
    (request,) = service.sent("POST")
    assert request.body == {"name": "shop", "spec": {}}
    assert request.headers["idempotency-key"]
    assert "navarch cluster show shop" in ran.out


def test_options_become_the_request(navarch: Run, service: Service, cluster: Make, tmp_path: Path) -> None:
    service.on("POST", "/clusters", Answer(202, cluster()))
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA me@home\n")
    ran = navarch(
        "cluster", "create", "shop", "--no-wait", "--version", "1.37.2", "--control-plane-replicas", "3",
        "--control-plane-flavor", "c1.small", "--workers", "2", "--flavor", "m1.small", "--zone", "z1", "--zone", "z2",
        "--node-group", "name=web,flavor=m1.medium,replicas=4,zones=z2+z3,label=tier:web,taint=a=b:NoSchedule",
        "--node-cidr", "10.1.0.0/24", "--pod-cidr", "10.2.0.0/16", "--service-cidr", "10.3.0.0/16",
        "--external-network", "public", "--etcd-volume-type", "ssd", "--etcd-volume-size", "20",
        "--api-allowed-cidr", "198.51.100.0/24", "--ssh-key", "key.pub", "--label", "team=red",
        "--idempotency-key", "k1", "-o", "name",
    )  # fmt: skip
    assert (ran.code, ran.out) == (0, "shop\n")
    (request,) = service.sent("POST")
    assert request.headers["idempotency-key"] == "k1"
    assert request.body == {
        "name": "shop",
        "labels": {"team": "red"},
        "spec": {
            "kubernetes_version": "1.37.2",
            "control_plane": {
                "replicas": 3, "flavor": "c1.small", "zones": ["z1", "z2"],
                "etcd_volume": {"type": "ssd", "size_gib": 20},
            },
            "network": {
                "node_cidr": "10.1.0.0/24", "pod_cidr": "10.2.0.0/16", "service_cidr": "10.3.0.0/16",
                "external_network": "public", "api_allowed_cidrs": ["198.51.100.0/24"],
            },
            "ssh_keys": ["ssh-ed25519 AAAA me@home"],
            "node_groups": [
                {"name": "default", "flavor": "m1.small", "replicas": 2, "zones": ["z1", "z2"]},
                {
                    "name": "web", "flavor": "m1.medium", "replicas": 4, "zones": ["z2", "z3"],
                    "labels": {"tier": "web"}, "taints": [{"key": "a", "value": "b", "effect": "NoSchedule"}],
                },
            ],
        },
    }  # fmt: skip


def test_add_ons_are_named_or_come_with_their_values_from_a_file(navarch: Run, service: Service, cluster: Make) -> None:
    service.on("POST", "/clusters", Answer(202, cluster()))
    words = "monitoring,version=1.2.0,name=m,namespace=seen"
    assert navarch("cluster", "create", "shop", "--no-wait", "--addon", "logging", "--addon", words).code == 0
    Path("shop.yaml").write_text("addons: [{entry: logging, values: {retention: 3d}}]")
    assert navarch("cluster", "create", "shop", "--no-wait", "-f", "shop.yaml").code == 0
    first, second = (request.body["spec"]["addons"] for request in service.sent("POST"))
    named = {"entry": "monitoring", "version": "1.2.0", "name": "m", "namespace": "seen"}
    assert first == [{"entry": "logging"}, named]
    assert second == [{"entry": "logging", "values": {"retention": "3d"}}]
    wrong = navarch("cluster", "create", "shop", "--addon", "logging,size=3")
    assert wrong.code == 2
    assert "'size=3' in 'logging,size=3' is not of the form" in wrong.err


def test_tests_of_an_add_on_are_waited_for_and_one_that_failed_is_told(navarch: Run, service: Service) -> None:
    asked = "2026-01-01T00:00:00Z"

    def addon(passed: bool | None, said: str = "", at: str = asked) -> dict[str, Any]:
        run = {"asked_at": at, "passed": passed, "said": said}
        status = {"phase": "Ready", "version": "1", "conditions": [], "objects": [], "notes": "", "test": run}
        return {
            "name": "db", "entry": "db", "version": "1", "namespace": "db", "values": {}, "generation": 1,
            "test_requested_at": asked, "status": status,
        }  # fmt: skip

    path = "/clusters/shop/addons/db"
    service.on("POST", f"{path}/test", Answer(200, {"hooks": ["Pod speaks"], "most_seconds": 600}))
    said = navarch("addon", "test", "db", "-c", "shop", "--dry-run").out
    assert said == "runs  Pod speaks, for 600 s at most\nNothing was done.\n"
    service.on("POST", f"{path}/test", Answer(202, addon(False, "of before", "2025-01-01T00:00:00Z")))
    service.on("GET", path, Answer(200, addon(True)))
    assert navarch("addon", "test", "db", "-c", "shop").code == 0
    service.on("GET", path, Answer(200, addon(False, "hook Pod speaks failed: exit code 7")))
    ran = navarch("addon", "test", "db", "-c", "shop")
    assert (ran.code, "db: hook Pod speaks failed: exit code 7" in ran.err) == (1, True)


def test_what_every_cluster_has_is_shown_with_what_it_is_and_what_is_missing(navarch: Run, service: Service) -> None:
    said = {"title": "CoreDNS", "description": "Names inside the cluster.", "category": "networking"}
    dns = {"name": "coredns", "phase": "Degraded", "version": "1.14.7", "message": "1 of 2 available", **said}
    service.on("GET", "/clusters/shop/addons", Answer(200, {"addons": [], "required": [dns]}))
    shown = navarch("addon", "show", "coredns", "-c", "shop").out
    for words in (
        "CoreDNS",
        "Names inside the cluster.",
        "every cluster has it",
        "Degraded",
        "1.14.7",
        "1 of 2 available",
    ):
        assert words in shown
    assert json.loads(navarch("addon", "show", "coredns", "-c", "shop", "-o", "json").out) == dns


def test_what_every_cluster_has_takes_no_values(navarch: Run, service: Service) -> None:
    schema = {"properties": {"replicas": {"type": "integer"}}}
    service.on("GET", "/addons/coredns", Answer(200, {"required": True, "values_schema": schema}))
    assert "none can be set" in navarch("addon", "values", "coredns").err


def test_an_entry_of_the_catalogue_is_shown_with_its_readme_on_request(navarch: Run, service: Service) -> None:
    entry = {
        "name": "db", "version": "1.1.0", "title": "Database", "description": "Keeps rows.", "category": "database",
        "licence": "Apache-2.0", "app_version": "9", "namespace": "db", "deprecated": False, "icon": None,
        "needs": {"memory_mib": 512, "cpu_millis": 250, "volumes": 1, "balancers": 0},
        "instances": "one", "requires": ["storage"], "conflicts": ["old-db"], "provides": ["db.example.org"],
        "leaves": ["The bucket."], "readme": "# Database\n\x1b[2JWords.\n",
        "images": [{"reference": "x/db:9", "digest": "sha256:aa"}],
        "versions": [
            {"version": "1.2.0", "kubernetes": ">=1.36.0-0", "changes": ""},
            {"version": "1.1.0", "kubernetes": ">=1.35.0-0", "changes": "- Quicker."},
        ],
        "values_schema": {"type": "object", "properties": {"size": {"type": "integer"}}},
    }  # fmt: skip
    service.on("GET", "/addons/db", Answer(200, entry))
    told = navarch("addon", "show", "db", "--version", "1.1.0").out
    for words in (
        "db 1.1.0",
        "512 MiB of memory, 0.25 vCPU, 1 volume",
        "x/db:9@sha256:aa",
        "- Quicker.",
        ">=1.35.0-0",
        "requires        storage\n",
        "not beside      old-db\n",
        "provides        db.example.org\n",
        "a cluster has one at most",
        "The bucket.",
    ):
        assert words in told, words
    assert "1.2.0" in told, "another version"
    assert service.sent("GET")[-1].query == [("version", "1.1.0")]
    assert navarch("addon", "show", "db", "--readme").out == "# Database\n\ufffd[2JWords.\n", "no terminal is cleared"
    assert "size" in navarch("addon", "values", "db", "--version", "1.1.0").out
    wrong = navarch("addon", "show", "db", "-c", "shop", "--readme")
    assert "leave --cluster out" in wrong.err


def test_a_removal_says_which_hooks_run_and_leaves_them_out_where_asked(navarch: Run, service: Service) -> None:
    path = "/clusters/shop/addons/db"
    status = {"objects": [], "removal_hooks": ["Job drain"]}
    service.on("GET", path, Answer(200, {"name": "db", "status": status}))
    service.on("DELETE", path, Answer(202, {}))
    assert "runs   Job drain" in navarch("addon", "remove", "db", "-c", "shop", "--yes", "--no-wait").err
    assert "drain" not in navarch("addon", "remove", "db", "-c", "shop", "--yes", "--no-wait", "--no-hooks").err
    assert "runs   Job drain\nNothing was done." in navarch("addon", "remove", "db", "-c", "shop", "--dry-run").out
    assert [r.query for r in service.sent("DELETE")] == [[], [("no_hooks", "true")]]


def test_a_removal_says_what_programs_made_what_stays_and_who_cannot_do_without(navarch: Run, service: Service) -> None:
    path = "/clusters/shop/addons/db"
    made = [
        {"kind": "Lease", "namespace": "db", "name": "leader", "labels": {}},
        {"kind": "Secret", "namespace": "db", "name": "", "labels": {"of": "db"}},
    ]
    addon = {"name": "db", "creates": made, "leaves": ["The bucket stays."], "needed_by": ["web"]}
    service.on("GET", path, Answer(200, {**addon, "status": {"objects": []}}))
    service.on("DELETE", path, Answer(202, {}))
    said = navarch("addon", "remove", "db", "-c", "shop", "--yes", "--no-wait").err
    assert [line.strip() for line in said.splitlines()][1:] == [
        "goes   Lease db/leader, which its program made",
        "goes   Secret db/* of=db, which its program made",
        "stays  The bucket stays.",
        "needed by web: this is refused until that one is removed",
    ]


def test_a_removal_says_what_hangs_on_the_add_on_and_whether_it_goes(navarch: Run, service: Service) -> None:
    path = "/clusters/shop/addons/db"
    claims = [{"kind": "PersistentVolumeClaim", "namespace": "db", "name": "data-db-0", "stays": True}]
    objects = [{"kind": "boats.example.org", "count": 12}]
    beside = {"claims": claims, "objects": objects, "at": "2026-01-01T00:00:00Z"}
    service.on("GET", path, Answer(200, {"name": "db", "status": {"objects": [], "beside": beside}}))
    service.on("DELETE", path, Answer(202, {}))

    def said(*options: str) -> str:
        return navarch("addon", "remove", "db", "-c", "shop", "--yes", "--no-wait", *options).err

    for options, fate in (((), "stays"), (("--with-data",), "goes ")):
        told = said(*options)
        assert f"{fate}  PersistentVolumeClaim db/data-db-0, with its volume" in told
        assert f"{fate}  12 of boats.example.org, whoever made them" in told
        assert "(counted 2026-01-01T00:00:00Z)" in told


def test_a_field_that_was_taken_back_is_told_with_what_to_do(navarch: Run, service: Service) -> None:
    condition = {
        "type": "Undisputed", "status": "False", "reason": "FieldsTakenBack", "message": "taken back: it",
        "responsible": None, "remedy": "Set the value.", "observed_generation": 1,
    }  # fmt: skip
    applied = {**condition, "type": "Applied", "status": "True", "reason": "Applied", "remedy": None}
    status = {"phase": "Ready", "conditions": [applied, condition], "objects": [], "notes": ""}
    addon = {
        "name": "db", "entry": "db", "version": "1", "namespace": "db", "generation": 1, "status": status,
        "values": {"key": {"name": "shop", "secret": "(sealed)"}, "size": 3},
    }  # fmt: skip
    service.on("GET", "/clusters/shop/addons", Answer(200, {"addons": [addon], "required": []}))
    service.on("GET", "/clusters/shop/addons/db", Answer(200, addon))
    out = navarch("addon", "show", "db", "-c", "shop").out
    assert "FieldsTakenBack: taken back: it" in out
    assert "Set the value." in out
    assert "must act" not in out
    assert [line.split()[-1] for line in out.splitlines() if "=" in line] == [
        "key.name=shop",
        "key.secret=(sealed)",
        "size=3",
    ]


def test_create_waits_for_the_add_ons_too(navarch: Run, service: Service, cluster: Make) -> None:
    def addon(phase: str, responsible: str | None = None) -> dict[str, Any]:
        condition = {
            "type": "Applied", "status": "True" if phase == "Ready" else "False", "reason": "R",
            "message": "pods start", "responsible": responsible, "remedy": "look at them", "observed_generation": 1,
        }  # fmt: skip
        status = {"phase": phase, "version": "", "conditions": [condition], "objects": [], "notes": ""}
        return {"name": "logging", "entry": "logging", "version": "1.0.0", "generation": 1, "status": status}

    made = cluster(phase="Ready")
    service.on("POST", "/clusters", Answer(202, made))
    service.on("GET", f"/clusters/{made['id']}", Answer(200, made))
    service.on("GET", f"/clusters/{made['id']}/machines", Answer(200, {"machines": []}))
    service.on("GET", f"/clusters/{made['id']}/addons", Answer(200, {"addons": [addon("Waiting")]}))
    path = f"/clusters/{made['id']}/addons/logging"
    service.on("GET", path, Answer(200, addon("Ready")))
    ran = navarch("cluster", "create", "shop", "--addon", "logging")
    assert (ran.code, len(service.asked(path))) == (0, 1)
    assert "is ready" in ran.out
    service.on("GET", path, Answer(200, addon("Blocked", "user")))
    ran = navarch("cluster", "create", "shop", "--addon", "logging")
    assert ran.code == 1
    assert "logging: pods start\nuser must act: look at them" in ran.err


def test_a_plan_tells_the_add_ons_of_a_new_cluster(navarch: Run, service: Service, cluster: Make) -> None:
    addon = {
        "name": "m", "title": "Monitoring", "entry": "monitoring", "version": "1.2.0", "namespace": "seen",
        "values": {"password": "(sealed)"}, "looked_up": [], "notes": "",
        "differences": [{"object": "Service m", "field": "", "before": None, "after": "present"}],
    }  # fmt: skip
    plan = {"cluster": cluster(), "steps": [], "needs": [], "changes": [], "machines": None, "addons": [addon]}
    service.on("POST", "/clusters", Answer(200, plan))
    said = navarch("cluster", "create", "shop", "--addon", "monitoring", "--dry-run").out
    assert re.search(r"^m +monitoring 1\.2\.0 +seen +1 +.*sealed", said, re.MULTILINE)


def test_a_file_may_be_what_show_printed(navarch: Run, service: Service, cluster: Make) -> None:
    service.on("GET", "/clusters/shop", Answer(200, cluster()))
    service.on("POST", "/clusters", Answer(202, cluster()))
    Path("spec.yaml").write_text(navarch("cluster", "show", "shop", "-o", "yaml").out)
    assert navarch("cluster", "create", "other", "-f", "spec.yaml", "--no-wait", "--zone", "z3").code == 0
    (request,) = service.sent("POST")
    assert set(request.body) == {"name", "region", "labels", "spec"}
    assert request.body["name"] == "other"
    assert request.body["spec"]["control_plane"]["zones"] == ["z3"]
    assert request.body["spec"]["control_plane"]["flavor"] == "c1.small"


def test_every_mistake_of_a_refusal_is_printed(navarch: Run, service: Service) -> None:
    errors = [
        {"field": "name", "detail": "not a name"},
        {"field": "spec.control_plane.replicas", "detail": "must be 1, 3 or 5"},
    ]
    service.on("POST", "/clusters", Answer(422, {"title": "Invalid", "detail": "2 problems", "errors": errors}))
    ran = navarch("cluster", "create", "UPPER", "--no-wait")
    assert ran.code == 4
    assert ran.err == "Error: 2 problems\n  name: not a name\n  spec.control_plane.replicas: must be 1, 3 or 5\n"
    assert ran.out == ""


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, 4), (401, 5), (403, 5), (404, 3), (409, 4), (412, 4), (413, 4), (422, 4), (500, 1), (501, 1)],
)
def test_exit_codes_of_refusals(navarch: Run, service: Service, status: int, code: int) -> None:
    service.on(
        "GET", "/clusters", Answer(status, {"title": "No", "detail": "because"}, {"x-openstack-request-id": "req-7"})
    )
    ran = navarch("cluster", "list")
    assert ran.code == code
    assert "because" in ran.err
    assert "req-7" in ran.err


def test_a_service_that_is_away_is_exit_code_7(navarch: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("navarch.client.http._ATTEMPTS", 1)
    ran = navarch("--endpoint", "http://127.0.0.1:1", "cluster", "list")
    assert ran.code == 7
    assert "cannot be reached" in ran.err


def test_no_credentials_is_exit_code_5(navarch: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = navarch("--os-cloud", "nowhere", "cluster", "list")
    assert ran.code == 5
    assert "has: here" in ran.err


@pytest.mark.parametrize(
    "words",
    [
        "cluster create", "cluster create x --timeout soon", "cluster create x --label nosign",
        "cluster create x --workers two",
        "cluster create x --node-group flavor=m1.small", "cluster create x --node-group name=a,colour=red",
        "cluster create x --node-group name=a,replicas=many", "cluster create x -f missing.yaml", "cluster update x",
        "cluster create x --ssh-key missing.pub", "cluster kubeconfig x --merge --file y", "cluster show",
        "machine list",
        "nodegroup scale web -c x -- -1", "nodegroup create web -c x --taint bad", "cluster plan",
        "cluster list -o xml",
    ],
)  # fmt: skip
def test_usage_errors_ask_the_service_nothing(navarch: Run, service: Service, words: str) -> None:
    ran = navarch(*words.split())
    assert ran.code == 2
    assert "Error" in ran.err
    assert service.requests == []


def test_a_private_key_is_never_sent(navarch: Run, service: Service, tmp_path: Path) -> None:
    (tmp_path / "id").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nx\n")
    ran = navarch("cluster", "create", "x", "--ssh-key", "id")
    assert ran.code == 2
    assert ".pub" in ran.err
    assert service.requests == []


def test_a_list_tells_of_what_nobody_can_read(navarch: Run, service: Service, cluster: Make) -> None:
    lost = "00000000-0000-4000-8000-000000000001"
    service.on("GET", "/clusters", Answer(200, {"clusters": [cluster()], "unreadable": [lost], "next": None}))
    ran = navarch("cluster", "list", "-o", "name")
    assert ran.out == "shop\n"
    assert lost in ran.err and "operator" in ran.err
    service.on("GET", "/clusters", Answer(200, {"clusters": [], "unreadable": [lost], "next": None}))
    assert "No clusters" not in navarch("cluster", "list").out


def test_list_asks_for_what_the_options_say(navarch: Run, service: Service, cluster: Make) -> None:
    service.on("GET", "/clusters", Answer(200, {"clusters": [], "next": None, "total": 0}))
    ran = navarch(
        "cluster", "list", "--phase", "blocked", "--phase", "Ready", "--version", "1.36", "--responsible", "me",
        "--search", "sho web", "--sort", "-created", "--label", "team=red",
    )  # fmt: skip
    assert (ran.code, ran.out) == (0, "No cluster is like that.\n")
    asked = service.asked("/clusters")[0].query
    assert sorted(pair for pair in asked if pair[0] != "limit") == [
        ("kubernetes_version", "1.36"), ("label", "team=red"), ("phase", "Blocked"), ("phase", "Ready"),
        ("responsible", "project-admin"), ("responsible", "user"), ("search", "sho web"), ("sort", "-created"),
    ]  # fmt: skip
    navarch("cluster", "list", "--all-projects", "--responsible", "me")
    asked = service.asked("/clusters")[1].query
    assert {who for key, who in asked if key == "responsible"} == {"cloud-operator", "navarch-operator"}


def test_list_follows_the_pages(navarch: Run, service: Service, cluster: Make) -> None:
    first, second = cluster(), {**cluster(), "name": "lab"}

    def page(request: Any) -> Answer:
        marked = dict(request.query).get("marker")
        body = {
            "clusters": [second] if marked else [first],
            "next": None if marked else "/kaas/v1/clusters?marker=1&limit=1",
        }
        return Answer(200, body)

    service.on("GET", "/clusters", page)
    assert navarch("cluster", "list", "-o", "name").out == "shop\nlab\n"
    table = navarch("cluster", "list").out.splitlines()
    assert table[0].split() == ["NAME", "PHASE", "VERSION", "MACHINES", "API", "AGE", "ID"]
    assert table[1].split()[:5] == ["shop", "Ready", "1.37.2", "3/3", "https://198.51.100.23:6443"]
    assert [c["name"] for c in json.loads(navarch("cluster", "list", "-o", "json").out)] == ["shop", "lab"]
    assert [c["name"] for c in yaml.safe_load(navarch("cluster", "list", "-o", "yaml").out)] == ["shop", "lab"]


def test_markup_in_a_label_is_text(navarch: Run, service: Service, machine: Make) -> None:
    service.on(
        "GET", "/clusters/shop/machines", Answer(200, {"machines": [machine(name="[red]x[/red]")], "next": None})
    )
    assert "[red]x[/red]" in navarch("machine", "list", "-c", "shop").out


def test_show_tells_who_must_act_and_how(navarch: Run, service: Service, cluster: Make, condition: Any) -> None:
    trouble = {"responsible": "project-admin", "remedy": "ask for 4 more cores"}
    found = cluster(
        "Blocked",
        condition("Ready", "False", "QuotaExceeded", "cores: needed 6, free 2", **trouble),
        condition("WorkersReady", "False", "QuotaExceeded", "cores: needed 6, free 2", **trouble),
    )
    service.on("GET", "/clusters/shop", Answer(200, found))
    ran = navarch("cluster", "show", "shop")
    assert ran.code == 0
    assert ran.out.count("ask for 4 more cores") == 1
    assert "who must act: project-admin" in ran.out


def test_show_has_what_differs_from_the_usual(navarch: Run, service: Service, cluster: Make) -> None:
    found = cluster()
    usual = {
        "node_image": "node-1.37.2", "running": True, "schedule": None, "remove_stopped_workers": False,
        "rollout_paused": False, "soak_seconds": 0, "groups_at_once": 1, "maintenance": None,
        "automatic_upgrades": False,
    }  # fmt: skip
    found["spec"].update(usual)
    service.on("GET", "/clusters/shop", Answer(200, found))

    def shown() -> dict[str, str]:
        lines = navarch("cluster", "show", "shop").out.splitlines()
        facts = dict(line.split("  ", 1) for line in lines[: lines.index("")])
        return {name: facts[name].strip() for name in facts if name.replace(" ", "_") in usual}

    assert shown() == {"node image": "node-1.37.2"}
    schedule = {"start": "08:00", "stop": "20:00", "days": ["mon", "fri"], "timezone": "UTC"}
    found["spec"].update(running=False, rollout_paused=True, soak_seconds=300, groups_at_once=2, schedule=schedule)
    assert shown() == {
        "node image": "node-1.37.2", "running": "no", "rollout paused": "yes", "soak seconds": "300",
        "groups at once": "2", "schedule": "start=08:00, stop=20:00, days=mon+fri, timezone=UTC",
    }  # fmt: skip


def test_update_sends_a_merge_patch(navarch: Run, service: Service, cluster: Make) -> None:
    service.on("PATCH", "/clusters/shop", Answer(202, cluster()))
    ran = navarch(
        "cluster", "update", "shop", "--api-allowed-cidr", "any", "--label", "a=b", "--remove-label", "c", "--pause",
        "--if-match", "3",
    )  # fmt: skip
    assert ran.code == 0
    (request,) = service.sent("PATCH")
    assert request.body == {
        "labels": {"a": "b", "c": None},
        "spec": {"network": {"api_allowed_cidrs": []}, "paused": True},
    }
    assert request.headers["if-match"] == '"3"'


GROUP = {"name": "web", "generation": 2, "status": {"ready": 2},
         "spec": {"replicas": 2, "flavor": "m1.small", "taints": [{"key": "a", "value": "b", "effect": "NoExecute"}],
                  "max_surge": 1, "max_unavailable": 0}}  # fmt: skip


def test_options_of_a_node_group_become_the_request(navarch: Run, service: Service) -> None:
    service.on("POST", "/clusters/shop/node_groups", Answer(202, GROUP))
    ran = navarch(
        "nodegroup", "create", "web", "-c", "shop", "--no-wait", "-r", "3", "--flavor", "m1.small", "--zone", "z1",
        "--zone", "z2", "-l", "a=b", "--taint", "k=v:NoSchedule", "--max-surge", "2", "--max-unavailable", "1",
    )  # fmt: skip
    assert ran.code == 0
    assert service.sent("POST")[0].body == {
        "name": "web",
        "spec": {
            "replicas": 3, "flavor": "m1.small", "zones": ["z1", "z2"], "labels": {"a": "b"},
            "taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}], "max_surge": 2, "max_unavailable": 1,
        },
    }  # fmt: skip
    assert [line.split()[0] for line in ran.out.splitlines()] == [
        "name", "replicas", "flavor", "taints", "max", "max", "generation",
    ]  # fmt: skip
    assert "a=b:NoExecute" in ran.out


def test_how_machines_are_replaced_is_said_in_words(navarch: Run, service: Service) -> None:
    service.on("PATCH", "/clusters/shop/node_groups/web", Answer(200, GROUP))
    words = ("nodegroup", "update", "web", "-c", "shop", "--max-surge", "25%", "--root-volume", "ssd:40")
    ran = navarch(*words, "--drain-timeout", "1h30m", "--force-drain", "--keep-failed", "1:48", "--unset", "version")
    assert ran.code == 0
    assert service.sent("PATCH")[0].body == {
        "spec": {
            "max_surge": "25%", "root_volume": {"type": "ssd", "size_gib": 40}, "drain_timeout_seconds": 5400,
            "force_drain": True, "keep_failed_machines": {"count": 1, "hours": 48}, "kubernetes_version": None,
        }
    }  # fmt: skip


@pytest.mark.parametrize(
    ("word", "spare"),
    [
        ("2:500m", {"replicas": 2, "cpu_millicores": 500, "memory_mib": 0}),
        ("1:2+1Gi", {"replicas": 1, "cpu_millicores": 2000, "memory_mib": 1024}),
        ("3:0+512Mi", {"replicas": 3, "cpu_millicores": 0, "memory_mib": 512}),
        ("0", {"replicas": 0}),
    ],
)
def test_room_to_spare_is_said_as_kubernetes_says_it(
    navarch: Run, service: Service, word: str, spare: dict[str, int]
) -> None:
    service.on("PATCH", "/clusters/shop/node_groups/web", Answer(200, GROUP))
    assert navarch("nodegroup", "update", "web", "-c", "shop", "--spare", word).code == 0
    assert service.sent("PATCH")[0].body == {"spec": {"autoscaling": {"spare": spare}}}


def test_explain_says_what_is_kept_free_and_what_does_not_show(navarch: Run, service: Service) -> None:
    backoff = {"until": "2999-11-30T01:00:00Z", "why": "no host", "responsible": "cloud-operator", "remedy": "add one"}
    thoughts: dict[str, Any] = {"backoff": backoff, "helpless": [], "unneeded": [], "kept": []}
    thoughts["spare"] = {"replicas": 3, "ready": 1, "coming": 1, "missing": 1, "why": "max node group size reached"}
    device = {"resource": "nvidia.com/gpu", "machine": "shop-gpus-1", "until": None}
    thoughts["devices"] = [device, device | {"until": "2999-11-30T02:00:00Z"}]
    group = {**GROUP, "spec": {"replicas": 2, "autoscaling": {"min": 0, "max": 2}}, "status": {"autoscaling": thoughts}}
    service.on("GET", "/clusters/shop/node_groups/web", Answer(200, group))
    said = navarch("nodegroup", "explain", "web", "-c", "shop").out
    assert "1 of 3 are there, 1 on their way; 1 missing, and it grows for no more: max node group size reached" in said
    assert "Asked for no more until 2999-11-30T01:00:00Z, then tried again: no host" in said
    assert "Who must act: cloud-operator. add one" in said
    assert "shop-gpus-1 does not show nvidia.com/gpu: pods that ask for it bring none more while it is there" in said
    assert "then one is tried again. You must act" in said
    assert "until 2999-11-30T02:00:00Z" in said
    assert "device plugin" in said


@pytest.mark.parametrize(
    "words",
    [
        ("--max-surge", "many"), ("--root-volume", "ssd"), ("--drain-timeout", "soon"), ("--keep-failed", "1:"),
        ("--spare", "many"), ("--spare", "2:lots"), ("--spare", "2:1+512"), ("--spare", "2:"),
    ],
)  # fmt: skip
def test_what_is_not_of_the_form_is_refused_before_it_is_sent(navarch: Run, words: tuple[str, str]) -> None:
    ran = navarch("nodegroup", "update", "web", "-c", "shop", *words)
    assert ran.code == 2
    assert words[0] in ran.err


def test_show_says_when_the_maintenance_window_opens(navarch: Run, service: Service, cluster: Make) -> None:
    found = cluster()
    window = {"start": "03:00", "hours": 4, "days": ["sat", "sun"], "timezone": "Europe/Berlin"}
    found["spec"].update(maintenance=window, automatic_upgrades=True)
    found["status"]["maintenance"] = {"start": "2999-11-30T02:00:00Z", "end": "2999-11-30T06:00:00Z"}
    service.on("GET", "/clusters/shop", Answer(200, found))
    shown = navarch("cluster", "show", "shop").out
    assert "03:00+4 sat+sun Europe/Berlin, next: 2999-11-30 02:00 to 2999-11-30 06:00 UTC" in shown
    assert re.search(r"^automatic upgrades +yes$", shown, re.MULTILINE)
    found["status"]["maintenance"]["start"] = "2001-11-30T02:00:00Z"
    assert "open until 2999-11-30 06:00 UTC" in navarch("cluster", "show", "shop").out


def test_times_of_a_cluster_are_said_in_words(navarch: Run, service: Service) -> None:
    service.on("PATCH", "/clusters/shop", Answer(200, {"name": "shop", "generation": 2}))
    times = ("--schedule", "08:00-20:00", "--schedule-day", "mon", "--schedule-day", "fri", "--maintenance", "03:00+4")
    navarch("cluster", "update", "shop", *times, "--pause-rollout", "--soak", "5m",
            "--automatic-upgrades")  # fmt: skip
    assert service.sent("PATCH")[0].body == {
        "spec": {
            "schedule": {"start": "08:00", "stop": "20:00", "days": ["mon", "fri"]},
            "maintenance": {"start": "03:00", "hours": 4}, "rollout_paused": True, "soak_seconds": 300,
            "automatic_upgrades": True,
        }
    }  # fmt: skip
    navarch("cluster", "update", "shop", "--unset", "schedule")
    assert service.sent("PATCH")[1].body == {"spec": {"schedule": None}}


def test_fields_of_a_node_group_are_left_to_navarch_again(navarch: Run, service: Service) -> None:
    service.on("PATCH", "/clusters/shop/node_groups/web", Answer(200, GROUP))
    words = ("nodegroup", "update", "web", "-c", "shop")
    assert navarch(*words, "--unset", "taint", "--unset", "max-surge", "--remove-label", "a", "-l", "c=d").code == 0
    assert service.sent("PATCH")[0].body == {
        "spec": {"taints": None, "max_surge": None, "labels": {"c": "d", "a": None}}
    }
    wrong = navarch(*words, "--unset", "tant")
    assert wrong.code == 2
    assert "taint or taints" in wrong.err


@pytest.mark.parametrize(("name", "path"), [("labels", ("labels",)), ("spec.paused", ("spec", "paused")),
    ("kubernetes_version", ("spec", "kubernetes_version")),
    ("network.api_allowed_cidrs", ("spec", "network", "api_allowed_cidrs"))])  # fmt: skip
def test_fields_are_unset_by_the_apis_names_too(
    navarch: Run, service: Service, cluster: Make, name: str, path: tuple[str, ...]
) -> None:
    service.on("PATCH", "/clusters/shop", Answer(200, cluster()))
    assert navarch("cluster", "update", "shop", "--unset", name, "--no-wait").code == 0
    wanted: Any = None
    for part in reversed(path):
        wanted = {part: wanted}
    assert service.sent("PATCH")[0].body == wanted


def test_options_win_over_a_file(navarch: Run, service: Service) -> None:
    service.on("PATCH", "/clusters/shop/node_groups/web", Answer(200, GROUP))
    Path("patch.yaml").write_text("replicas: 2\nlabels: {a: b}\nzones: [z1]\n")
    ran = navarch(
        "nodegroup", "update", "web", "-c", "shop", "-f", "patch.yaml", "-r", "5", "-l", "c=d", "--zone", "z2"
    )
    assert ran.code == 0
    assert service.sent("PATCH")[0].body == {"spec": {"replicas": 5, "labels": {"a": "b", "c": "d"}, "zones": ["z2"]}}


def test_a_change_of_a_node_group_can_be_tried(navarch: Run, service: Service) -> None:
    service.on("PATCH", "/clusters/shop/node_groups/web", Answer(200, {**PLAN, "steps": []}))
    service.on("POST", "/clusters/shop/node_groups", Answer(200, {**PLAN, "steps": []}))
    assert "too little" in navarch("nodegroup", "update", "web", "-c", "shop", "-r", "9", "--dry-run").out
    assert "too little" in navarch("nodegroup", "create", "web", "-c", "shop", "--dry-run").out
    assert "too little" in navarch("nodegroup", "scale", "web", "9", "-c", "shop", "--dry-run").out
    assert {dict(r.query)["dry_run"] for r in service.requests} == {"true"}


def test_delete_without_a_terminal_needs_yes(navarch: Run, service: Service, cluster: Make) -> None:
    service.on("GET", "/clusters/shop", Answer(200, cluster()))
    ran = navarch("cluster", "delete", "shop")
    assert ran.code == 2
    assert "--yes" in ran.err
    assert service.sent("DELETE") == []


def test_delete_says_how_a_protected_cluster_can_be_deleted(navarch: Run, service: Service, cluster: Make) -> None:
    service.on("GET", "/clusters/shop", Answer(200, cluster()))
    wrong = {"field": "spec.protected", "detail": "is true: navarch cluster update --no-protected"}
    refusal = {"title": "Protected", "status": 409, "detail": "shop is protected", "errors": [wrong]}
    service.on("DELETE", f"/clusters/{cluster()['id']}", Answer(409, refusal))
    ran = navarch("cluster", "delete", "shop", "--yes")
    assert ran.code == 4
    assert "--no-protected" in ran.err


def test_delete_waits_until_nothing_answers_to_the_id(navarch: Run, service: Service, cluster: Make) -> None:
    going = {**cluster("Deleting"), "deletion_requested_at": "2026-03-01T13:00:00Z"}
    gone = Answer(404, {"title": "Not Found"})
    service.on("GET", "/clusters/shop", Answer(200, cluster()))
    service.on("GET", f"/clusters/{ID}", Answer(200, going), Answer(200, going), gone)
    service.on("GET", f"/clusters/{ID}/machines", Answer(200, {"machines": [], "next": None}))
    service.on("DELETE", f"/clusters/{ID}", Answer(202, going))
    ran = navarch("cluster", "delete", "shop", "--yes", "--keep-volumes")
    assert (ran.code, "is gone" in ran.out) == (0, True)
    assert service.sent("DELETE")[0].query == [("keep", "volumes")]


KUBECONFIG = """apiVersion: v1
kind: Config
clusters: [{name: shop, cluster: {server: "https://198.51.100.23:6443"}}]
users: [{name: admin, user: {client-certificate-data: eA==}}]
contexts: [{name: shop, context: {cluster: shop, user: admin}}]
current-context: shop
"""


@pytest.fixture
def issuing(service: Service, cluster: Make) -> Service:
    service.on("GET", "/clusters/shop", Answer(200, cluster()))
    body = {"id": "0123456789abcdef", "kubeconfig": KUBECONFIG, "expires_at": "2026-03-01T20:00:00Z"}
    service.on("POST", f"/clusters/{ID}/kubeconfigs", Answer(201, body))
    return service


def test_a_kubeconfig_is_written_for_its_owner_alone(navarch: Run, issuing: Service) -> None:
    ran = navarch("cluster", "kubeconfig", "shop", "--role", "view", "--ttl", "2h")
    assert ran.code == 0
    path = Path("shop.kubeconfig")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == KUBECONFIG
    assert f"export KUBECONFIG={path.absolute()}" in ran.out
    assert issuing.sent("POST")[0].body == {"role": "view", "ttl_seconds": 7200}


def test_a_kubeconfig_can_be_printed(navarch: Run, issuing: Service) -> None:
    assert navarch("cluster", "kubeconfig", "shop", "--file", "-").out == KUBECONFIG
    assert not Path("shop.kubeconfig").exists()


def test_merging_keeps_what_is_there_and_replaces_its_own(navarch: Run, issuing: Service, tmp_path: Path) -> None:
    path = tmp_path / "home" / ".kube" / "config"
    path.parent.mkdir(parents=True)
    path.write_text(
        "apiVersion: v1\nkind: Config\nclusters: [{name: old, cluster: {server: 'https://old'}}]\nusers: []\n"
        "contexts: []\ncurrent-context: old\n"
    )
    for _ in range(2):
        assert navarch("cluster", "kubeconfig", "shop", "--merge").code == 0
    merged = yaml.safe_load(path.read_text())
    assert [c["name"] for c in merged["clusters"]] == ["old", "navarch-shop"]
    assert [c["name"] for c in merged["contexts"]] == ["navarch-shop"]
    assert merged["current-context"] == "navarch-shop"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_merging_replaces_no_other_cluster_of_the_name(navarch: Run, issuing: Service, tmp_path: Path) -> None:
    path = tmp_path / "home" / ".kube" / "config"
    path.parent.mkdir(parents=True)
    others = {"name": "navarch-shop", "cluster": {"server": "https://other", "certificate-authority-data": "b3RoZXI="}}
    path.write_text(yaml.safe_dump({"clusters": [others], "current-context": "navarch-shop"}))
    for _ in range(2):
        assert navarch("cluster", "kubeconfig", "shop", "--merge").code == 0
    merged = yaml.safe_load(path.read_text())
    assert [c["name"] for c in merged["clusters"]] == ["navarch-shop", f"navarch-shop-{ID[:8]}"]
    assert merged["clusters"][0] == others
    assert merged["current-context"] == f"navarch-shop-{ID[:8]}"


def test_merging_into_something_else_changes_nothing(navarch: Run, issuing: Service, tmp_path: Path) -> None:
    path = tmp_path / "home" / ".kube" / "config"
    path.parent.mkdir(parents=True)
    path.write_text("- not\n- a kubeconfig\n")
    ran = navarch("cluster", "kubeconfig", "shop", "--merge")
    assert ran.code == 1
    assert path.read_text() == "- not\n- a kubeconfig\n"


def test_scale_waits_for_the_machines(navarch: Run, service: Service, cluster: Make, machine: Make) -> None:
    group = {"name": "web", "spec": {"replicas": 2, "flavor": "m1.small"}, "status": {"ready": 2}}
    workers = [machine(name=f"shop-web-{n}", role="worker", group="web") for n in (1, 2)]
    service.on("PATCH", "/clusters/shop/node_groups/web", Answer(202, group))
    service.on("GET", "/clusters/shop", Answer(200, cluster()))
    service.on("GET", f"/clusters/{ID}", Answer(200, cluster()))
    pages = [Answer(200, {"machines": workers[:n], "next": None}) for n in (1, 1, 2)]
    service.on("GET", f"/clusters/{ID}/machines", *pages)
    service.on("GET", f"/clusters/{ID}/node_groups/web", Answer(200, group))
    ran = navarch("nodegroup", "scale", "web", "2", "-c", "shop")
    assert ran.code == 0
    assert service.sent("PATCH")[0].body == {"spec": {"replicas": 2}}
    assert len([r for r in service.requests if r.path.endswith("/machines")]) == 3


def test_a_failed_phase_shows_the_end_of_its_log(navarch: Run, service: Service, cluster: Make, machine: Make) -> None:
    failed = {
        "step": "KubeadmInit",
        "state": "failed",
        "at": "2026-03-01T12:00:40Z",
        "seconds": 9.0,
        "log": "etcd: no disk",
    }
    service.on(
        "GET",
        "/clusters/shop/machines",
        Answer(200, {"machines": [machine(joined=False, boot=[failed])], "next": None}),
    )
    service.on("GET", "/clusters/shop", Answer(200, cluster()))
    ran = navarch("machine", "show", "shop-0d5a2f0e-cp-0", "-c", "shop")
    assert "etcd: no disk" in ran.out
    other = navarch("machine", "show", "other", "-c", "shop")
    assert (other.code, "see navarch machine list -c shop" in other.err) == (3, True)


@pytest.mark.parametrize(("name", "code"), [("cp-0", 0), ("shop-0d5a2f0e-cp-0", 0), ("0", 3), ("cp-1", 3)])
def test_a_machine_is_shown_by_the_name_that_progress_has_for_it(
    navarch: Run, service: Service, cluster: Make, machine: Make, name: str, code: int
) -> None:
    service.on("GET", "/clusters/shop/machines", Answer(200, {"machines": [machine()], "next": None}))
    service.on("GET", "/clusters/shop", Answer(200, cluster()))
    ran = navarch("machine", "show", name, "-c", "shop", "-o", "name")
    assert (ran.code, ran.out) == (code, "" if code else "shop-0d5a2f0e-cp-0\n")


@pytest.mark.parametrize(("begun", "found"), [("c", "cp-0"), ("shop", "shop-0d5a2f0e-cp-0")])
def test_the_shell_completes_names_of_machines(
    navarch: Run,
    service: Service,
    cluster: Make,
    machine: Make,
    monkeypatch: pytest.MonkeyPatch,
    begun: str,
    found: str,
) -> None:
    service.on("GET", "/clusters/shop/machines", Answer(200, {"machines": [machine()], "next": None}))
    service.on("GET", "/clusters/shop", Answer(200, cluster()))
    monkeypatch.setenv("_NAVARCH_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"navarch machine show -c shop {begun}")
    monkeypatch.setenv("COMP_CWORD", "5")
    assert navarch().out.split() == [found]


def test_completion_scripts_are_printed(navarch: Run) -> None:
    for shell in ("bash", "zsh", "fish", "powershell"):
        ran = navarch("completion", shell)
        assert ran.code == 0
        assert "_NAVARCH_COMPLETE" in ran.out


def test_the_shell_completes_names_of_clusters(
    navarch: Run, service: Service, cluster: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.on("GET", "/clusters", Answer(200, {"clusters": [cluster(), {**cluster(), "name": "lab"}], "next": None}))
    monkeypatch.setenv("_NAVARCH_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "navarch cluster show s")
    monkeypatch.setenv("COMP_CWORD", "3")
    assert navarch().out.split() == ["shop"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("cluster create x --control-plane-repl", "--control-plane-replicas"),
        ("cluster update x --unset ver", "version"),
    ],
)
def test_the_shell_completes_options_of_fields(
    navarch: Run, monkeypatch: pytest.MonkeyPatch, words: str, found: str
) -> None:
    monkeypatch.setenv("_NAVARCH_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"navarch {words}")
    monkeypatch.setenv("COMP_CWORD", str(len(words.split())))
    assert navarch().out.split() == [found]


PLAN = {
    "fits": False, "quota_known": True, "changes": [{"field": "spec.paused", "before": False, "after": True}],
    "needs": [
        {"resource": "cores", "needed": 6, "free": 2, "limit": 8, "used": 6, "unit": "", "short": True},
        {"resource": "load_balancers", "needed": 1, "free": None, "limit": None, "used": None, "unit": "",
         "short": False},
    ],
    "steps": [
        {"kind": "RecordMachine", "name": "shop-cp-0", "details": {}},
        {"kind": "EnsureRouter", "name": "shop-net", "details": {"external_network": "public"}},
        {"kind": "EnsureRouter", "name": "shop-net", "details": {"external_network": "public"}},
        {"kind": "CreateServer", "name": "shop-cp-0", "details": {"flavor": "c1.small", "zone": "z1", "serial": 0}},
    ],
}  # fmt: skip


def test_a_plan_tells_what_is_made_once_and_what_is_short(navarch: Run, service: Service) -> None:
    service.on("POST", "/clusters", Answer(200, PLAN))
    ran = navarch("cluster", "create", "shop", "--dry-run")
    assert ran.code == 0
    assert service.sent("POST")[0].query == [("dry_run", "true")]
    assert ran.out.count("router") == 1
    assert "record machine" not in ran.out
    lines = [line.split() for line in ran.out.splitlines()]
    assert ["create", "server", "shop-cp-0", "flavor", "c1.small,", "zone", "z1"] in lines
    assert ["cores", "6", "2", "8", "too", "little"] in lines
    assert ["load", "balancers", "1", "unlimited", "-"] in lines
    assert "does not fit" in ran.out
    assert all(line == line.rstrip() for line in ran.out.splitlines())


def test_a_plan_that_takes_nothing_says_nothing_of_quotas(navarch: Run, service: Service) -> None:
    service.on("PATCH", "/clusters/shop", Answer(200, {**PLAN, "needs": [], "steps": [], "quota_known": False}))
    ran = navarch("cluster", "update", "shop", "--pause", "--dry-run")
    assert ran.out.splitlines()[-1] == "Nothing was done."


def test_plan_takes_a_file_for_a_new_cluster_and_a_patch_for_one_that_is_there(navarch: Run, service: Service) -> None:
    service.on("POST", "/clusters", Answer(200, PLAN))
    service.on("PATCH", "/clusters/shop", Answer(200, PLAN))
    Path("new.yaml").write_text("name: shop\nspec: {control_plane: {replicas: 3}}\n")
    Path("patch.yaml").write_text("paused: true\n")
    assert navarch("cluster", "plan", "-f", "new.yaml", "-o", "json").code == 0
    assert service.sent("POST")[0].body == {"name": "shop", "spec": {"control_plane": {"replicas": 3}}}
    assert navarch("cluster", "plan", "shop", "-f", "patch.yaml").code == 0
    assert service.sent("PATCH")[0].body == {"spec": {"paused": True}}
    assert service.sent("PATCH")[0].query == [("dry_run", "true")]


def test_an_operator_may_look_at_every_project(navarch: Run, service: Service, cluster: Make) -> None:
    def page(request: Any) -> Answer:
        marked = "marker" in dict(request.query)
        return Answer(200, {"clusters": [cluster()], "next": None if marked else "/kaas/v1/clusters?limit=1&marker=1"})

    service.on("GET", "/clusters", page)
    assert "PROJECT" in navarch("cluster", "list", "--all-projects").out
    assert "PROJECT" in navarch("--all-projects", "cluster", "list").out
    assert navarch("--all-projects", "cluster", "list", "-o", "name").code == 0
    assert [dict(r.query).get("all_projects") for r in service.requests] == ["true"] * 6
    navarch("cluster", "list")
    assert "all_projects" not in dict(service.requests[-1].query)
