"""Progress as people and logs see it, and waiting for its end."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console
from tests.unit.cli.cli_service import Answer, Ran, Service, Stream

from navarch.cli.live import LineView, LiveView, blocked_lines
from navarch.cli.progress import State, asked_at, progress_of
from navarch.cli.waiting import group_has
from navarch.client.shapes import Machine

Make = Callable[..., Machine]
ID = "0d5a2f0e-0000-4000-8000-000000000001"
NOW = datetime(2026, 3, 1, 12, 0, 31, tzinfo=UTC)


def states(progress: Any) -> dict[str, State]:
    return {row.name: row.state for row in progress.rows}


def test_the_clouds_chapters_follow_the_reason(cluster: Any, condition: Any) -> None:
    found = cluster(
        "Progressing", condition("InfrastructureReady", "False", "CreatingLoadBalancer", "lb is PENDING_CREATE")
    )
    seen = states(progress_of(found, [], NOW))
    assert [seen[n] for n in ("network", "load balancer", "floating address")] == [
        State.DONE, State.RUNNING, State.WAITING,
    ]  # fmt: skip
    assert seen["Kubernetes API"] is State.WAITING


def test_a_machine_shows_its_phase_and_its_seconds(cluster: Any, machine: Make) -> None:
    running = {"step": "KubeadmInit", "state": "started", "at": "2026-03-01T12:00:22Z", "seconds": 0, "log": ""}
    done = {"step": "FormatEtcdDisk", "state": "done", "at": "2026-03-01T12:00:22Z", "seconds": 2, "log": ""}
    rows = progress_of(cluster("Progressing"), [machine("m", False, boot=[done, running])], NOW).rows
    (row,) = [r for r in rows if r.name == "machine m"]
    assert (row.state, row.detail, row.seconds) == (State.RUNNING, "KubeadmInit", 30.0)


def test_a_failed_phase_shows_the_last_line_of_its_log(cluster: Any, machine: Make) -> None:
    failed = {
        "step": "KubeadmInit",
        "state": "failed",
        "at": "2026-03-01T12:00:22Z",
        "seconds": 9,
        "log": "one\ntwo\n",
    }
    (row,) = [
        r
        for r in progress_of(cluster("Progressing"), [machine("m", False, boot=[failed])], NOW).rows
        if r.name == "machine m"
    ]
    assert (row.state, row.detail) == (State.FAILED, "KubeadmInit failed: two")


def test_everything_is_done_when_ready(cluster: Any, condition: Any, machine: Make) -> None:
    kinds = ("Ready", "InfrastructureReady", "ControlPlaneReady", "WorkersReady", "AddonsReady")
    found = cluster("Ready", *(condition(kind, "True", "AsWanted") for kind in kinds))
    assert set(states(progress_of(found, [machine()], NOW)).values()) == {State.DONE}


def test_a_later_change_is_counted_since_it_was_asked_for(cluster: Any, condition: Any) -> None:
    kinds = ("Ready", "InfrastructureReady", "ControlPlaneReady", "WorkersReady", "AddonsReady")
    begins = datetime(2026, 3, 1, 13, tzinfo=UTC)

    def seen(status: str, at: str) -> Any:
        conditions = [condition(kind, "True", "AsWanted") for kind in kinds]
        for moved in (conditions[0], conditions[3]):
            moved |= {"status": status, "last_transition_at": at}
        return dict(cluster("Ready", *conditions))

    asked = begins
    for status, at in (("True", "2026-03-01T12:00:50Z"), ("False", "2026-03-01T13:00:01Z")):
        asked = asked_at(seen(status, at), asked)
    done = seen("True", "2026-03-01T13:00:07Z")
    rows = progress_of(done, [], NOW, asked_at(done, asked)).rows
    assert {row.name: row.seconds for row in rows if row.name in ("floating address", "nodes", "add-ons")} == {
        "floating address": None, "nodes": 6.0, "add-ons": None,
    }  # fmt: skip


def test_a_new_cluster_is_counted_since_it_was_asked_for(cluster: Any) -> None:
    created = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert asked_at(cluster("Progressing"), NOW) == created
    assert asked_at(cluster("Ready"), created) == created


def test_lines_are_written_for_changes_only(cluster: Any, condition: Any, machine: Make) -> None:
    lines: list[str] = []
    ticks = iter(range(100))
    view = LineView("Creating", write=lines.append, clock=lambda: float(next(ticks)), now=lambda: NOW)
    waits = cluster("Progressing", condition("InfrastructureReady", "False", "CreatingLoadBalancer", "lb for 3 s"))
    later = cluster("Progressing", condition("InfrastructureReady", "False", "CreatingLoadBalancer", "lb for 4 s"))
    with view:
        view.show(progress_of(waits, [], NOW))
        view.show(progress_of(later, [], NOW))
        view.show(progress_of(waits, [machine("m", False, boot=[])], NOW))
    assert lines == [
        "2026-03-01T12:00:31+00:00 +1s Creating",
        "2026-03-01T12:00:31+00:00 +2s network: done",
        "2026-03-01T12:00:31+00:00 +3s load balancer: running - lb for 3 s",
        "2026-03-01T12:00:31+00:00 +4s machine m: running - boots",
    ]


def test_the_live_view_draws_every_row_and_what_blocks(cluster: Any, condition: Any, machine: Make) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100, color_system=None)
    trouble = condition(
        "InfrastructureReady",
        "False",
        "QuotaExceeded",
        "cores: needed 6, free 2",
        responsible="project-admin",
        remedy="ask for 4",
    )
    with LiveView("Creating cluster shop", console=console) as view:
        view.show(progress_of(cluster("Blocked", trouble), [machine()], NOW))
    text = stream.getvalue()
    for words in ("Creating cluster shop", "machine cp-0", "39.0 s", "joined", "what to do: ask for 4"):
        assert words in text


@pytest.mark.parametrize("width", [40, 80])
def test_every_row_of_the_live_view_is_one_line_of_a_narrow_terminal(
    cluster: Any, condition: Any, machine: Make, width: int
) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=False, width=width)
    waits = condition("AddonsReady", "False", "WaitingForAddons", "a long message " * 20)
    found = cluster("Progressing", waits, kubernetes_version="1.37.2")
    view = LiveView("Creating", console=console)
    progress = progress_of(found, [machine(), machine("shop-0d5a2f0e-" + "x" * 60)], NOW)
    view.show(progress)
    console.print(view._draw())
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1 + len(progress.rows)
    assert all(len(line.rstrip()) <= width for line in lines)


def test_the_exact_condition_is_preferred_to_readys_copy(cluster: Any, condition: Any) -> None:
    responsible = {"responsible": "user", "remedy": "do it"}
    found = cluster(
        "Blocked",
        condition("Ready", "False", "A", "m", **responsible),
        condition("AddonsReady", "False", "B", "m", **responsible),
    )
    progress = progress_of(found, [], NOW)
    assert blocked_lines(progress) == ["Blocked: B: m", "  who must act: user", "  what to do: do it"]


@pytest.fixture
def creating(service: Service, cluster: Any, machine: Make) -> Service:
    service.on("POST", "/clusters", Answer(202, cluster("Progressing")))
    service.on("GET", f"/clusters/{ID}/machines", Answer(200, {"machines": [machine()], "next": None}))
    return service


def test_create_waits_for_ready_of_its_generation(creating: Service, navarch: Callable[..., Ran], cluster: Any) -> None:
    stale = cluster("Ready", observed_generation=0)
    creating.on(
        "GET", f"/clusters/{ID}", Answer(200, cluster("Progressing")), Answer(200, stale), Answer(200, cluster())
    )
    ran = navarch("cluster", "create", "shop")
    assert ran.code == 0
    assert "ready after 70s: https://198.51.100.23:6443" in ran.out
    assert "navarch cluster kubeconfig shop" in ran.out
    assert "machine cp-0: done (39s)" in ran.err
    assert len(creating.asked(f"/clusters/{ID}")) == 3


def test_a_blocked_cluster_may_clear(
    creating: Service, navarch: Callable[..., Ran], cluster: Any, condition: Any
) -> None:
    trouble = condition(
        "InfrastructureReady", "False", "QuotaExceeded", "no cores", responsible="project-admin", remedy="ask"
    )
    creating.on("GET", f"/clusters/{ID}", Answer(200, cluster("Blocked", trouble)), Answer(200, cluster()))
    ran = navarch("cluster", "create", "shop")
    assert ran.code == 0
    assert "what to do: ask" in ran.err
    assert "No longer blocked." in ran.err


def test_a_cluster_blocked_to_the_end_is_a_failure_with_its_remedy(
    creating: Service, navarch: Callable[..., Ran], cluster: Any, condition: Any
) -> None:
    trouble = condition(
        "InfrastructureReady", "False", "QuotaExceeded", "no cores", responsible="project-admin", remedy="ask"
    )
    creating.on("GET", f"/clusters/{ID}", Answer(200, cluster("Blocked", trouble)))
    ran = navarch("cluster", "create", "shop", "--timeout", "0.1s")
    assert ran.code == 1
    assert ran.err.endswith(
        "Error: Blocked: QuotaExceeded: no cores\n  who must act: project-admin\n  what to do: ask\n"
    )


def test_a_cluster_that_takes_too_long_is_exit_code_6(
    creating: Service, navarch: Callable[..., Ran], cluster: Any
) -> None:
    creating.on("GET", f"/clusters/{ID}", Answer(200, cluster("Progressing")))
    ran = navarch("cluster", "create", "shop", "--timeout", "0.1s")
    assert ran.code == 6
    assert "goes on without us" in ran.err


def test_waiting_can_be_taken_up_again(service: Service, navarch: Callable[..., Ran], cluster: Any) -> None:
    service.on("GET", "/clusters/shop", Answer(200, cluster("Progressing")))
    service.on("GET", f"/clusters/{ID}", Answer(200, cluster("Progressing")), Answer(200, cluster()))
    service.on("GET", f"/clusters/{ID}/machines", Answer(200, {"machines": [], "next": None}))
    ran = navarch("cluster", "wait", "shop")
    assert (ran.code, "is ready" in ran.out) == (0, True)
    going = {**cluster("Deleting"), "deletion_requested_at": "2026-03-01T13:00:00Z"}
    service.on("GET", "/clusters/shop", Answer(200, going))
    service.on("GET", f"/clusters/{ID}", Answer(200, going), Answer(404, {"title": "Not Found"}))
    ran = navarch("cluster", "wait", "shop")
    assert (ran.code, "is gone" in ran.out) == (0, True)


def test_a_cluster_deleted_meanwhile_is_exit_code_3(
    creating: Service, navarch: Callable[..., Ran], cluster: Any
) -> None:
    creating.on("GET", f"/clusters/{ID}", Answer(200, cluster("Progressing")), Answer(404, {"title": "Not Found"}))
    assert navarch("cluster", "create", "shop").code == 3


SYNCED = ("synced", {"resumed": False}, 7)
BOOT = {"step": "KubeadmInit", "state": "started", "at": "2026-03-01T12:00:22Z", "seconds": 0, "log": ""}


def test_a_wait_is_told_and_does_not_ask(
    service: Service, navarch: Callable[..., Ran], cluster: Any, machine: Make
) -> None:
    service.on("POST", "/clusters", Answer(202, cluster("Progressing")))
    service.on(
        "WATCH", f"/clusters/{ID}",
        Stream([
            ("cluster", cluster("Progressing"), None), ("machine", machine(joined=False, boot=[]), None), SYNCED,
            ("machine", machine(joined=False, boot=[BOOT]), 8), ("news", {"of": "a later version"}, 9),
            ("machine", machine(), 10), ("cluster", cluster(), 11), 30.0,
        ]),
    )  # fmt: skip
    ran = navarch("cluster", "create", "shop")
    assert ran.code == 0
    lines = [line.split(" ", 2)[2] for line in ran.err.splitlines() if "machine cp-0" in line]
    assert lines == [
        "machine cp-0: running - boots", "machine cp-0: running - KubeadmInit", "machine cp-0: done (39s) - joined",
    ]  # fmt: skip
    assert [(r.method, dict(r.query).get("timeout_seconds")) for r in service.requests] == [
        ("POST", None), ("GET", "1800"),
    ]  # fmt: skip


def test_a_stream_that_breaks_is_taken_up_where_it_was(
    service: Service, navarch: Callable[..., Ran], cluster: Any, machine: Make
) -> None:
    worker = machine("shop-0d5a2f0e-web-1", role="worker", group="web")
    gone = {**machine("shop-0d5a2f0e-web-2", role="worker", group="web"), "removed": True}
    service.on("PATCH", "/clusters/shop/node_groups/web", Answer(200, {"name": "web", "spec": {"replicas": 1}}))
    service.on("GET", "/clusters/shop", Answer(200, cluster()))
    service.on("GET", f"/clusters/{ID}/node_groups/web", Answer(200, {"name": "web", "spec": {"replicas": 1}}))
    service.on(
        "WATCH", f"/clusters/{ID}",
        Stream([("cluster", cluster("Progressing"), None), ("machine", worker, None),
                ("machine", {**gone, "removed": False}, None), SYNCED], broken=True),
        Stream([("cluster", cluster(), None), ("synced", {"resumed": True}, 8), ("machine", gone, 9), 30.0]),
    )  # fmt: skip
    assert navarch("nodegroup", "scale", "web", "1", "-c", "shop").code == 0
    assert [r.headers.get("last-event-id") for r in service.watched()] == [None, "7"]
    assert service.asked(f"/clusters/{ID}") == []


@pytest.mark.parametrize(
    "broken",
    [Stream([9.0]), Answer(200, "<html>"), Answer(502, None), Answer(400, {"title": "No"}), Stream([], broken=True)],
)
def test_where_streams_do_not_get_through_it_is_asked(
    creating: Service, navarch: Callable[..., Ran], cluster: Any, monkeypatch: pytest.MonkeyPatch, broken: Any
) -> None:
    monkeypatch.setattr("navarch.client.clusters._SILENT_SECONDS", 0.2)
    creating.on("WATCH", f"/clusters/{ID}", broken)
    answers = [Answer(200, cluster("Progressing"))] * 5
    creating.on("GET", f"/clusters/{ID}", *answers, Answer(200, cluster()))
    ran = navarch("cluster", "create", "shop")
    assert ran.code == 0
    assert "machine cp-0: done (39s)" in ran.err
    assert (len(creating.watched()), len(creating.asked(f"/clusters/{ID}"))) == (2, 6)


def test_a_deletion_is_told(service: Service, navarch: Callable[..., Ran], cluster: Any) -> None:
    going = {**cluster("Deleting"), "deletion_requested_at": "2026-03-01T13:00:00Z"}
    service.on("GET", "/clusters/shop", Answer(200, cluster()))
    service.on("DELETE", f"/clusters/{ID}", Answer(202, going))
    told = Stream([("cluster", going, None), SYNCED, ("deleted", {"id": ID}, 8)])
    service.on("WATCH", f"/clusters/{ID}", told)
    assert navarch("cluster", "delete", "shop", "--yes").code == 0
    service.on("POST", "/clusters", Answer(202, cluster("Progressing")))
    assert navarch("cluster", "create", "shop").code == 3


def test_a_wait_ends_on_time_whatever_the_stream_does(
    creating: Service, navarch: Callable[..., Ran], cluster: Any
) -> None:
    creating.on("GET", f"/clusters/{ID}", Answer(200, cluster("Progressing")))
    creating.on("WATCH", f"/clusters/{ID}", Stream([("cluster", cluster("Progressing"), None), SYNCED, 1.2]))
    assert navarch("cluster", "create", "shop", "--timeout", "1s").code == 6
    assert [dict(r.query)["timeout_seconds"] for r in creating.watched()] == ["1"]


def test_a_service_that_is_away_for_a_while_is_waited_for(
    creating: Service, navarch: Callable[..., Ran], cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("navarch.client.http._ATTEMPTS", 1)
    away = Answer(503, {"title": "Not available", "detail": "the database does not answer"})
    creating.on(
        "WATCH", f"/clusters/{ID}", away, away, away,
        Stream([("cluster", cluster("Progressing"), None), SYNCED, ("cluster", cluster(), 8)]),
    )  # fmt: skip
    creating.on("GET", f"/clusters/{ID}", away)
    ran = navarch("cluster", "create", "shop")
    assert ran.code == 0
    assert "the cluster is not affected, looking again" in ran.err
    assert len(creating.watched()) == 4


def test_a_group_is_as_asked_for_when_the_cluster_was_ready_with_that_wish(cluster: Any) -> None:
    shop = cluster("Ready")
    shop["status"]["machines"] = {"desired": 0, "ready": 0}
    shop["node_groups"] = [{"name": "web", "spec": {}, "status": {"observed_generation": 1}}]
    assert group_has("web", 0, 1)(shop, [])
    assert not group_has("web", 0, 2)(shop, [])
    assert group_has("gone", 0, 3)(shop, [])


def test_a_machine_that_is_kept_for_a_look_is_none_of_its_group(cluster: Any, machine: Any) -> None:
    kept = machine("shop-web-1", role="worker", group="web", joined=False, kept_at="2026-03-01T13:00:00Z")
    other = machine("shop-web-2", role="worker", group="web")
    assert group_has("web", 1, 0)(cluster(), [kept, other])
    rows = progress_of(cluster(), [kept], NOW).rows
    assert [(row.state, row.detail) for row in rows if row.name.startswith("machine")] == [
        (State.DONE, "kept for a look")
    ]
