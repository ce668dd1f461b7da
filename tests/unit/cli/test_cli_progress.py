"""Progress as people and logs see it, and waiting for its end."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console
from tests.unit.cli.cli_service import Answer, Ran, Service, Stream, progress

from navarch.cli.live import LineView, LiveView, blocked_lines
from navarch.cli.waiting import group_has
from navarch.client.shapes import Machine

Make = Callable[..., Machine]
ID = "0d5a2f0e-0000-4000-8000-000000000001"
NOW = datetime(2026, 3, 1, 12, 0, 31, tzinfo=UTC)


def test_lines_are_written_for_changes_only(cluster: Any) -> None:
    lines: list[str] = []
    ticks = iter(range(100))
    view = LineView("Creating", write=lines.append, clock=lambda: float(next(ticks)), now=lambda: NOW)

    def shown(lb: str, *more: Any) -> Any:
        rows = (("network", "done", "", 4.0), ("load balancer", "running", lb, None), ("nodes", "waiting", "", None))
        return progress(cluster("Progressing"), *rows, *more)

    with view:
        view.show(shown("lb for 3 s"))
        view.show(shown("lb for 4 s"))
        view.show(shown("lb for 3 s", ("machine m", "running", "boots", 30.0)))
    assert lines == [
        "2026-03-01T12:00:31+00:00 +1s Creating",
        "2026-03-01T12:00:31+00:00 +2s network: done (4s)",
        "2026-03-01T12:00:31+00:00 +3s load balancer: running - lb for 3 s",
        "2026-03-01T12:00:31+00:00 +4s machine m: running - boots",
    ]


def test_the_live_view_draws_every_row_and_what_blocks(cluster: Any, condition: Any) -> None:
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
        view.show(progress(cluster("Blocked", trouble), ("machine cp-0", "done", "joined", 39.0)))
    text = stream.getvalue()
    for words in ("Creating cluster shop", "machine cp-0", "39.0 s", "joined", "what to do: ask for 4"):
        assert words in text


@pytest.mark.parametrize("width", [40, 80])
def test_every_row_of_the_live_view_is_one_line_of_a_narrow_terminal(cluster: Any, width: int) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=False, width=width)
    view = LiveView("Creating", console=console)
    rows = (("add-ons", "running", "a long message " * 20, None), ("machine " + "x" * 60, "done", "joined", 39.0))
    view.show(progress(cluster("Progressing"), *rows))
    console.print(view._draw())
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1 + len(rows)
    assert all(len(line.rstrip()) <= width for line in lines)


def test_what_is_in_the_way_says_who_must_act_and_how(cluster: Any, condition: Any) -> None:
    trouble = condition("AddonsReady", "False", "B", "m", responsible="user", remedy="do it")
    assert blocked_lines(progress(cluster("Blocked", trouble))) == [
        "Blocked: B: m", "  who must act: user", "  what to do: do it",
    ]  # fmt: skip
    assert blocked_lines(progress(cluster())) == []


@pytest.fixture
def creating(service: Service, cluster: Any, machine: Make) -> Service:
    service.on("POST", "/clusters", Answer(202, cluster("Progressing")))
    service.on("GET", f"/clusters/{ID}/machines", Answer(200, {"machines": [machine()], "next": None}))
    joined = ("machine cp-0", "done", "joined", 39.0)
    service.on("GET", f"/clusters/{ID}/progress", lambda request: Answer(200, progress(service.shown(ID), joined)))
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
    def far(state: str, detail: str, seconds: float | None = None) -> Any:
        return progress(cluster("Progressing"), ("machine cp-0", state, detail, seconds))

    service.on("POST", "/clusters", Answer(202, cluster("Progressing")))
    service.on(
        "WATCH", f"/clusters/{ID}",
        Stream([
            ("cluster", cluster("Progressing"), None), ("machine", machine(joined=False, boot=[]), None),
            ("progress", far("running", "boots"), None), SYNCED, ("progress", far("running", "KubeadmInit"), 8),
            ("machine", machine(joined=False, boot=[BOOT]), 8), ("news", {"of": "a later version"}, 9),
            ("progress", far("done", "joined", 39.0), 10), ("machine", machine(), 10), ("cluster", cluster(), 11), 30.0,
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
