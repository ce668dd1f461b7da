"""The verbs of a cluster's life: upgrade, stop, start, and a chosen machine that goes."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.cli.cli_service import Answer, Ran, Service

from navarch.cli.machine import state

Run = Callable[..., Ran]
Make = Callable[..., dict[str, Any]]
ID = "0d5a2f0e-0000-4000-8000-000000000001"
SKIPS = {
    "reason": "SkipsMinor", "message": "1.37.2 to 1.39.1 skips 1.38", "responsible": "user",
    "remedy": "upgrade to 1.38 first",
}  # fmt: skip
UPGRADES: list[dict[str, Any]] = [
    {"kubernetes_version": "1.39.1", "image_id": "c", "image_name": "node-1.39.1", "built_at": "",
     "obstacles": [SKIPS]},
    {"kubernetes_version": "1.38.0", "image_id": "b", "image_name": "node-1.38.0", "built_at": "2026-03-01T10:00:00Z",
     "obstacles": []},
]  # fmt: skip
PACE = {"control_plane": 61.0, "worker": 40.0, "measured": True}
IMPACT = {
    "created": [], "replaced": ["shop-cp-0", "shop-web-1"], "removed": [], "drained": ["shop-cp-0", "shop-web-1"],
    "started": [], "stopped": [], "seconds": 101.0, "pace": PACE, "waits": "",
}  # fmt: skip
PLAN = {
    "fits": True, "quota_known": True, "steps": [], "changes": [
        {"field": "spec.kubernetes_version", "before": "1.37.2", "after": "1.38.0"}
    ],
    "needs": [{"resource": "instances", "needed": 1, "free": 5, "limit": 10, "used": 5, "unit": "", "short": False}],
    "machines": IMPACT,
}  # fmt: skip


@pytest.fixture
def shop(service: Service, cluster: Make) -> dict[str, Any]:
    """A cluster that is there, under its name and its id."""
    found = cluster()
    for reference in ("shop", ID):
        service.on("GET", f"/clusters/{reference}", Answer(200, found))
        service.on("GET", f"/clusters/{reference}/machines", Answer(200, {"machines": [], "next": None}))
    return found


def test_what_is_only_to_be_known_of_a_version_is_told_and_keeps_nobody(
    navarch: Run, service: Service, shop: Any
) -> None:
    note = SKIPS | {"reason": "DeprecatedAPIRequested", "message": "flowschemas.v1beta3: kubectl/1.20 asks for it"}
    known = UPGRADES[1] | {"notes": [note]}
    service.on("GET", "/clusters/shop/upgrades", Answer(200, {"upgrades": [known], "next": None}))
    ran = navarch("cluster", "upgrade", "shop")
    assert "1.38.0: flowschemas.v1beta3: kubectl/1.20 asks for it" in ran.out
    assert ran.out.splitlines()[-1] == "Next: navarch cluster upgrade shop --to 1.38.0 --dry-run"
    assert "nothing" in ran.out.splitlines()[1]


def test_an_upgrade_without_a_version_shows_what_can_be_had_and_what_is_in_the_way(
    navarch: Run, service: Service, shop: Any
) -> None:
    service.on("GET", "/clusters/shop/upgrades", Answer(200, {"upgrades": UPGRADES, "next": None}))
    ran = navarch("cluster", "upgrade", "shop")
    assert ran.out.splitlines() == [
        "VERSION   IMAGE         BUILT                  IN THE WAY",
        "1.39.1    node-1.39.1   -                      SkipsMinor",
        "1.38.0    node-1.38.0   2026-03-01T10:00:00Z   nothing",
        "",
        "1.39.1: 1.37.2 to 1.39.1 skips 1.38",
        "  who must act: user",
        "  what to do: upgrade to 1.38 first",
        "",
        "Next: navarch cluster upgrade shop --to 1.38.0 --dry-run",
    ]
    assert navarch("cluster", "upgrade", "shop", "-o", "name").out.split() == ["1.39.1", "1.38.0"]
    assert not service.sent("PATCH")
    service.on("GET", "/clusters/shop/upgrades", Answer(200, {"upgrades": [], "next": None}))
    assert navarch("cluster", "upgrade", "shop").out == "Cluster shop has 1.37.2; nothing newer is offered.\n"


def test_an_upgrade_asks_for_the_version(navarch: Run, service: Service, shop: Any) -> None:
    service.on("PATCH", "/clusters/shop", Answer(200, shop))
    ran = navarch("cluster", "upgrade", "shop", "--to", "1.38.0", "--if-match", "3")
    assert (ran.code, ran.out) == (0, "Cluster shop is being upgraded to 1.38.0.\n")
    (request,) = service.sent("PATCH")
    assert (request.body, request.headers["if-match"]) == ({"spec": {"kubernetes_version": "1.38.0"}}, '"3"')


def test_an_upgrade_that_is_waited_for_ends_when_the_cluster_is_ready(
    navarch: Run, service: Service, cluster: Make, shop: Any
) -> None:
    asked = {**cluster("Progressing"), "generation": 2}
    service.on("PATCH", "/clusters/shop", Answer(200, asked))
    service.on("GET", f"/clusters/{ID}", Answer(200, asked), Answer(200, cluster(observed_generation=2)))
    assert navarch("cluster", "upgrade", "shop", "--to", "1.38.0", "--wait").out == "Cluster shop has 1.38.0.\n"


def test_a_dry_run_counts_machines_and_says_how_long_and_where_from(navarch: Run, service: Service) -> None:
    service.on("PATCH", "/clusters/shop", Answer(200, PLAN))
    ran = navarch("cluster", "upgrade", "shop", "--to", "1.38.0", "--dry-run")
    assert service.sent("PATCH")[0].query == [("dry_run", "true")]
    lines = ran.out.splitlines()
    assert any(line.split() == ["replaced", "2", "shop-cp-0,", "shop-web-1"] for line in lines)
    assert any(line.split() == ["drained", "2", "shop-cp-0,", "shop-web-1"] for line in lines)
    assert not any(line.startswith("created") for line in lines)
    assert (
        "It takes about 101s (machines of this cluster took 61s of the control plane, 40s a worker), "
        "beside what pods take to leave." in lines
    )
    assert lines[-1] == "It fits. Nothing was done."


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pace": {**PACE, "measured": False}}, "no machine of it is known: 61s of the control plane, 40s a worker"),
        ({"seconds": None}, "It takes as long as pods take to leave."),
        ({"waits": "the rollout is paused"}, "Not at once: the rollout is paused."),
    ],
)
def test_a_dry_run_says_what_it_does_not_know(
    navarch: Run, service: Service, changes: dict[str, Any], words: str
) -> None:
    service.on("PATCH", "/clusters/shop", Answer(200, {**PLAN, "machines": {**IMPACT, **changes}}))
    assert words in navarch("cluster", "update", "shop", "--version", "1.38.0", "--dry-run").out


@pytest.mark.parametrize(
    ("words", "phase", "said"),
    [
        (("start", "shop"), "Paused", "Cluster shop is paused.\n"),
        (("upgrade", "shop", "--to", "1.38.0", "--wait"), "Paused", "Cluster shop is paused.\n"),
        (("update", "shop", "--pause", "--wait"), "Paused", "Cluster shop is changed (generation 2).\n"),
        (("update", "shop", "--soak", "5m", "--wait"), "Stopped", "Cluster shop is changed (generation 2).\n"),
        (("stop", "shop"), "Ready", "Cluster shop runs.\n"),  # its schedule started it
    ],
)
def test_a_wait_ends_where_nothing_more_is_done_and_says_so(
    navarch: Run, service: Service, cluster: Make, shop: Any, words: tuple[str, ...], phase: str, said: str
) -> None:
    rests = {**cluster(phase, observed_generation=1 if phase == "Paused" else 2), "generation": 2}
    rests["spec"]["paused"] = phase == "Paused"
    service.on("PATCH", "/clusters/shop", Answer(200, {**cluster("Progressing"), "generation": 2}))
    service.on("GET", f"/clusters/{ID}", Answer(200, rests))
    ran = navarch("cluster", *words)
    assert (ran.code, ran.out) == (0, said)


def test_a_cluster_that_is_resumed_is_waited_for_though_it_is_seen_paused_still(
    navarch: Run, service: Service, cluster: Make, shop: Any
) -> None:
    asked = {**cluster("Paused", observed_generation=1), "generation": 2}
    service.on("PATCH", "/clusters/shop", Answer(200, asked))
    service.on("GET", f"/clusters/{ID}", Answer(200, asked), Answer(200, cluster(observed_generation=2)))
    assert navarch("cluster", "update", "shop", "--resume", "--wait").code == 0
    assert len(service.asked(f"/clusters/{ID}")) == 2


@pytest.mark.parametrize(
    ("phase", "first", "next_"),
    [
        ("Stopped", "Cluster shop is stopped: its machines are off.", "navarch cluster start shop"),
        ("Paused", "Cluster shop is paused: Navarch keeps its hands off.", "navarch cluster update shop --resume"),
    ],
)
def test_waiting_for_a_cluster_ends_where_it_is_stopped_or_paused(
    navarch: Run, service: Service, cluster: Make, phase: str, first: str, next_: str
) -> None:
    rests = cluster(phase, observed_generation=1)
    rests["spec"]["paused"] = phase == "Paused"
    for path in ("/clusters/shop", f"/clusters/{ID}"):
        service.on("GET", path, Answer(200, rests))
    service.on("GET", f"/clusters/{ID}/machines", Answer(200, {"machines": [], "next": None}))
    lines = navarch("cluster", "wait", "shop").out.splitlines()
    assert (lines[0], lines[-1].strip()) == (first, next_)


@pytest.mark.parametrize("phase", ["Stopping", "Stopped", "Paused"])
def test_what_waits_until_a_cluster_runs_is_not_waited_for(
    navarch: Run, service: Service, cluster: Make, machine: Make, phase: str
) -> None:
    old = machine("shop-web-1", role="worker", group="web")
    group = {"name": "web", "generation": 2, "spec": {"replicas": 3}, "status": {"ready": 0}}
    service.on("GET", "/clusters/shop", Answer(200, cluster(phase)))
    service.on("GET", "/clusters/shop/machines", Answer(200, {"machines": [old], "next": None}))
    service.on("GET", "/clusters/shop/node_groups/web", Answer(200, group))
    service.on("PATCH", "/clusters/shop/node_groups/web", Answer(200, group))
    service.on("DELETE", "/clusters/shop/node_groups/web", Answer(202, group))
    service.on("DELETE", "/clusters/shop/machines/shop-web-1", Answer(202, old))
    why = {
        "Paused": "Cluster shop is paused: this is done once it is resumed.\n",
    }.get(phase, "Cluster shop is stopped: this is done once it runs.\n")
    for words, said in [
        (("nodegroup", "scale", "web", "3"), "name        web"),
        (("nodegroup", "delete", "web", "--yes"), "Node group web is being deleted."),
        (("machine", "delete", "shop-web-1", "--keep-size"), "Machine shop-web-1 is being replaced."),
    ]:
        ran = navarch(*words, "-c", "shop")
        assert (ran.code, ran.err, ran.out.splitlines()[0]) == (0, why, said)


@pytest.mark.parametrize(
    ("verb", "running", "phase", "done"),
    [("stop", False, "Stopped", "Cluster shop is stopped."), ("start", True, "Ready", "Cluster shop runs.")],
)
def test_a_cluster_is_stopped_and_started_and_waited_for(
    navarch: Run, service: Service, cluster: Make, shop: Any, verb: str, running: bool, phase: str, done: str
) -> None:
    asked = {**cluster("Stopping"), "generation": 2}
    service.on("PATCH", "/clusters/shop", Answer(200, asked))
    service.on(
        "GET", f"/clusters/{ID}",
        Answer(200, asked), Answer(200, cluster(phase)), Answer(200, cluster(phase, observed_generation=2)),
    )  # fmt: skip
    ran = navarch("cluster", verb, "shop")
    assert (ran.code, ran.out.strip()) == (0, done)
    assert service.sent("PATCH")[0].body == {"spec": {"running": running}}
    assert len(service.asked(f"/clusters/{ID}")) == 3, "the phase was that of the wish before"


def test_a_stop_is_tried_and_not_waited_for_where_nobody_wants_to(navarch: Run, service: Service, shop: Any) -> None:
    stops = {
        **IMPACT,
        "replaced": [],
        "drained": ["shop-web-1"],
        "stopped": ["shop-cp-0", "shop-web-1"],
        "seconds": None,
    }
    service.on("PATCH", "/clusters/shop", Answer(200, {**PLAN, "needs": [], "machines": stops}), Answer(200, shop))
    ran = navarch("cluster", "stop", "shop", "--dry-run")
    assert any(line.split() == ["stopped", "2", "shop-cp-0,", "shop-web-1"] for line in ran.out.splitlines())
    assert navarch("cluster", "stop", "shop", "--no-wait").out == "Cluster shop is being stopped.\n"


@pytest.mark.parametrize(
    "words", [("stop", "shop"), ("upgrade", "shop", "--to", "1.38.0"), ("update", "shop", "--pause")]
)
def test_a_wrong_time_asks_the_service_nothing(navarch: Run, service: Service, words: tuple[str, ...]) -> None:
    assert navarch("cluster", *words, "--timeout", "soon").code == 2
    assert not service.requests


def test_a_chosen_machine_goes_and_is_waited_for(navarch: Run, service: Service, machine: Make, shop: Any) -> None:
    gone, rest = (machine(name, role="worker", removing=name == "shop-web-1") for name in ("shop-web-1", "shop-web-2"))
    service.on("DELETE", "/clusters/shop/machines/shop-web-1", Answer(202, gone))
    pages = [Answer(200, {"machines": found, "next": None}) for found in ([gone, rest], [rest])]
    service.on("GET", f"/clusters/{ID}/machines", *pages)
    service.on("GET", "/clusters/shop/machines", Answer(200, {"machines": [gone, rest], "next": None}))
    ran = navarch("machine", "delete", "shop-web-1", "-c", "shop", "--if-match", "4")
    assert (ran.code, ran.out) == (0, "Machine shop-web-1 is gone.\n")
    (request,) = service.sent("DELETE")
    assert (request.query, request.headers["if-match"]) == ([], '"4"')
    assert len(service.asked(f"/clusters/{ID}/machines")) == 2
    assert len(service.asked("/clusters/shop")) == 1


def test_a_machine_of_the_control_plane_is_replaced_by_one_of_its_name(
    navarch: Run, service: Service, machine: Make, shop: Any
) -> None:
    old, new = machine("shop-cp-0", departure="person"), machine("shop-cp-0", created_at="2026-03-01T13:00:00Z")
    service.on("DELETE", "/clusters/shop/machines/shop-cp-0", Answer(202, old))
    pages = [Answer(200, {"machines": found, "next": None}) for found in ([old], [], [new])]
    service.on("GET", f"/clusters/{ID}/machines", *pages)
    service.on("GET", "/clusters/shop/machines", Answer(200, {"machines": [old], "next": None}))
    assert navarch("machine", "delete", "shop-cp-0", "-c", "shop", "--keep-size").code == 0
    assert service.sent("DELETE")[0].query == [("keep_size", "true")]


def test_where_a_machine_is_is_said_in_a_word_or_two(machine: Make) -> None:
    kept = {"kept_at": "2026-03-01T13:00:00Z"}
    assert state(machine(departure="person")) == "to be replaced"
    assert state(machine(**kept)) == "kept for a look"
    assert state(machine(**kept, removing=True)) == "leaving"
    assert state(machine(**kept, removing=True, removed=True)) == "gone"


def test_a_machine_of_the_control_plane_does_not_go_without_another(
    navarch: Run, service: Service, cluster: Make, machine: Make
) -> None:
    service.on("GET", "/clusters/shop", Answer(200, cluster()))
    service.on("GET", "/clusters/shop/machines", Answer(200, {"machines": [machine()], "next": None}))
    ran = navarch("machine", "delete", "cp-0", "-c", "shop")
    assert ran.code == 2
    assert "a machine of the control plane can only be replaced: add --keep-size" in ran.err
    assert not service.sent("DELETE")


def test_machines_that_are_gone_are_listed_where_asked_for(navarch: Run, service: Service, machine: Make) -> None:
    service.on("GET", "/clusters/shop/machines", Answer(200, {"machines": [machine(removed=True)], "next": None}))
    assert " gone " in navarch("machine", "list", "-c", "shop", "--removed").out
    assert service.sent("GET")[0].query == [("removed", "true")]


def test_the_end_of_a_machine_is_tried(navarch: Run, service: Service, shop: Any) -> None:
    goes = {**IMPACT, "replaced": [], "drained": ["shop-web-1"], "removed": ["shop-web-1"], "seconds": None}
    service.on(
        "DELETE",
        "/clusters/shop/machines/shop-web-1",
        Answer(200, {**PLAN, "changes": [], "needs": [], "machines": goes}),
    )
    ran = navarch("machine", "delete", "shop-web-1", "-c", "shop", "--dry-run")
    assert service.sent("DELETE")[0].query == [("dry_run", "true")]
    assert any(line.split() == ["removed", "1", "shop-web-1"] for line in ran.out.splitlines())
    assert ran.out.splitlines()[-1] == "Nothing was done."
