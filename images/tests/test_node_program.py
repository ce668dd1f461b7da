import json
import ssl
import stat
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from images.tests.https_service import Authority, Reply, Service

from navarch_images.node_program import navarch_node
from navarch_images.node_program.navarch_node import Endpoint, Places, Step, main, run_step

TICKET = "ticket-that-nobody-may-see"
PYTHON = sys.executable


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("navarch")


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "console").touch()
    return Places(tmp_path / "etc" / "join.json", tmp_path / "state", tmp_path / "console")


@pytest.fixture
def start(authority: Authority, tmp_path: Path, places: Places) -> Iterator[Any]:
    services = []

    def start(*joins: Reply, trusted: Authority = authority) -> Service:
        service = Service(authority, tmp_path, list(joins))
        services.append(service)
        places.join.parent.mkdir(exist_ok=True)
        document = {"endpoint": service.url, "ca": trusted.pem, "ticket": TICKET, "machine": "m-1"}
        places.join.write_text(json.dumps(document))
        return service

    yield start
    for service in services:
        service.close()


def granted(steps: list[dict[str, Any]], files: list[dict[str, str]] | None = None) -> Reply:
    return 200, {"report_token": "report-token", "files": files or [], "steps": steps}, {}


def step(phase: str, code: str, timeout: float = 10, retry_for: float = 0) -> dict[str, Any]:
    argv = [PYTHON, "-c", code]
    return {"phase": phase, "argv": argv, "timeout_seconds": timeout, "retry_for_seconds": retry_for}


def told(service: Service) -> list[tuple[str, str]]:
    return [(report["phase"], report["state"]) for report in service.reports]


def test_files_are_written_then_steps_run_in_order_and_each_is_reported(
    start: Any, places: Places, tmp_path: Path
) -> None:
    target, log = tmp_path / "etc" / "kubernetes" / "key", tmp_path / "log"
    append = f"open({str(log)!r}, 'a').write('%s')"
    service = start(
        granted(
            [
                step("First", f"open({str(log)!r}, 'a').write(open({str(target)!r}).read())"),
                step("Second", append % "two"),
            ],
            [{"path": str(target), "mode": "0600", "content": "one,"}],
        )
    )
    assert main(places) == 0
    assert log.read_text() == "one,two"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert told(service) == [("First", "started"), ("First", "done"), ("Second", "started"), ("Second", "done")]
    assert set(service.tokens) == {"Bearer report-token"}
    report = service.reports[1]
    assert report["machine"] == "m-1"
    assert report["seconds"] > 0
    assert report["at"].endswith("Z")
    assert "log" not in report


def test_it_asks_until_the_service_is_ready_and_as_often_as_the_service_says(start: Any, places: Places) -> None:
    service = start(
        (425, {"detail": "not yet"}, {"Retry-After": "0.05"}), (503, {}, {"Retry-After": "0.1"}), granted([])
    )
    began = time.monotonic()
    assert main(places) == 0
    assert 0.15 <= time.monotonic() - began < 5
    assert len(service.join_requests) == 3
    assert {request["ticket"] for request in service.join_requests} == {TICKET}
    assert service.join_requests[0]["boot"]["uptime_seconds"] > 0
    assert service.join_requests[0]["boot"]["cloud_init_at"].endswith("Z")
    assert places.console.read_text().count("not yet") == 1


def test_a_service_under_another_authority_is_told_nothing(start: Any, places: Places, authority: Authority) -> None:
    service = start(granted([]), trusted=Authority("somebody else"))
    join = navarch_node.read_join(places.join)
    with pytest.raises(ssl.SSLCertVerificationError):
        Endpoint(join.endpoint, join.ca).post("/bootstrap/v1/join", {"ticket": TICKET})
    assert service.join_requests == []
    assert Endpoint(join.endpoint, authority.pem).post("/bootstrap/v1/join", {}).status == 200


def test_a_refusal_is_shown_and_asked_about_every_half_minute(start: Any, places: Places) -> None:
    service = start((403, {"detail": f"ticket {TICKET} was used by another machine"}, {}), (410, {}, {}), granted([]))
    join = navarch_node.read_join(places.join)
    pauses: list[float] = []
    console = navarch_node.Console(places.console)
    endpoint = Endpoint(join.endpoint, join.ca)
    navarch_node.ask_to_join(endpoint, join, places, console, sleep=pauses.append)
    assert pauses == [30.0, 30.0]
    assert len(service.join_requests) == 3
    assert "answers 403: ticket <hidden> was used by another machine" in places.console.read_text()


def test_an_endpoint_that_is_not_there_is_asked_again_and_again_more_slowly(
    places: Places, authority: Authority
) -> None:
    places.join.parent.mkdir()
    places.join.touch()
    join = navarch_node.Join("https://127.0.0.1:1", authority.pem, "m-1", TICKET)
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 15:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        navarch_node.ask_to_join(
            Endpoint(join.endpoint, join.ca), join, places, navarch_node.Console(places.console), sleep
        )
    assert pauses[0] < 1
    assert pauses == sorted(pauses)
    assert pauses[-1] == navarch_node.LONGEST_PAUSE
    assert places.console.read_text().count("cannot reach") == 1


def test_a_failed_step_stops_the_rest_and_its_end_is_reported_without_secrets(start: Any, places: Places) -> None:
    code = "print('x' * 9000); print('token abcdef.0123456789abcdef'); print('disk is full'); raise SystemExit(7)"
    service = start(granted([step("FormatEtcdDisk", code), step("Never", "1/0")]))
    assert main(places) == navarch_node.STEP_FAILED
    assert told(service) == [("FormatEtcdDisk", "started"), ("FormatEtcdDisk", "failed")]
    log = service.reports[-1]["log"]
    assert log.rstrip().endswith("disk is full")
    assert len(log) <= 8192
    assert "abcdef.0123456789abcdef" not in log
    console = places.console.read_text()
    assert "FormatEtcdDisk: failed after" in console
    assert "ended with 7" in console
    assert "abcdef.0123456789abcdef" not in console
    assert json.loads(places.join.read_text())["ticket"] == TICKET


def test_after_a_crash_or_reboot_only_what_is_not_done_is_done(start: Any, places: Places, tmp_path: Path) -> None:
    log = tmp_path / "log"
    count = f"open({str(log)!r}, 'a').write('once ')"
    failing = "import pathlib, sys; sys.exit(not pathlib.Path({!r}).exists())".format(str(tmp_path / "repaired"))
    service = start(granted([step("Once", count), step("Again", failing)]))
    assert main(places) == navarch_node.STEP_FAILED
    (tmp_path / "repaired").touch()
    assert main(places) == 0
    assert log.read_text() == "once "
    assert told(service)[-2:] == [("Again", "started"), ("Again", "done")]
    assert len({request["nonce"] for request in service.join_requests}) == 1


def test_a_step_that_changed_is_another_step(start: Any, places: Places, tmp_path: Path) -> None:
    log = tmp_path / "log"
    start(granted([step("Once", f"open({str(log)!r}, 'a').write('a')")]))
    assert main(places) == 0
    start(granted([step("Once", f"open({str(log)!r}, 'a').write('b')")]))
    assert main(places) == 0
    assert log.read_text() == "ab"


def test_once_joined_the_ticket_is_gone_and_nobody_is_asked_any_more(start: Any, places: Places) -> None:
    service = start(granted([]))
    assert main(places) == 0
    assert TICKET not in places.join.read_text()
    assert stat.S_IMODE(places.join.stat().st_mode) == 0o600
    assert main(places) == 0
    assert len(service.join_requests) == 1


def test_a_step_over_its_time_is_killed_with_its_children(tmp_path: Path) -> None:
    child = tmp_path / "child"
    outcome = run_step(Step("Slow", ("/bin/sh", "-c", f"sleep 600 & echo $! > {child}; wait"), 1.0, 0))
    assert not outcome.ok
    assert "took longer than 1 s" in outcome.reason
    deadline = time.monotonic() + 5
    while runs(int(child.read_text())) and time.monotonic() < deadline:
        time.sleep(0.01)  # nobody is told of the end of a child's child
    assert not runs(int(child.read_text()))


def runs(pid: int) -> bool:
    """Whether the process is there, and more than a line in its parent's book."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_failure_within_its_grace_is_tried_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = f"f = open({str(log)!r}, 'a+'); f.write('x'); f.seek(0); raise SystemExit(len(f.read()) < 3)"
    pauses: list[float] = []
    assert run_step(Step("Flaky", (PYTHON, "-c", code), 10, 60), sleep=pauses.append).ok
    assert log.read_text() == "xxx"
    assert len(pauses) == 2


def test_a_program_that_is_not_there_is_a_failure_with_a_reason() -> None:
    outcome = run_step(Step("Missing", ("/no/such/program",), 10, 0))
    assert not outcome.ok
    assert "cannot run /no/such/program" in outcome.reason


def test_reports_that_hang_hold_up_no_step(start: Any, places: Places, tmp_path: Path) -> None:
    released = threading.Event()
    marker = tmp_path / "second"
    service = start(granted([step("One", "pass"), step("Two", f"open({str(marker)!r}, 'w')")]))

    def slow(_report: dict[str, Any]) -> int:
        released.wait(10)
        return 204

    service.on_report = slow
    runner = threading.Thread(target=main, args=(places,))
    runner.start()
    deadline = time.monotonic() + 8
    while not marker.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert marker.exists()
    assert service.reports == []
    released.set()
    runner.join(10)
    assert told(service)[-1] == ("Two", "done")


def test_a_report_is_repeated_until_it_is_taken_and_order_is_kept(start: Any, places: Places) -> None:
    service = start(granted([step("One", "pass")]))
    answers = iter([503, 500])
    service.on_report = lambda report: next(answers, 204)
    assert main(places) == 0
    assert told(service) == [("One", "started"), ("One", "done")]


def test_a_file_is_never_half_written_nor_readable_before_it_has_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a" / "secret"
    navarch_node.write_file(path, "first", 0o600)
    navarch_node.write_file(path, "second", 0o640)
    assert path.read_text() == "second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("content", "said"),
    [("nonsense", "JSONDecodeError"), ('{"endpoint": "https://x"}', "'ca'"), ("[]", "TypeError")],
)
def test_a_join_file_that_cannot_be_used_ends_with_its_reason(places: Places, content: str, said: str) -> None:
    places.join.parent.mkdir()
    places.join.write_text(content)
    assert main(places) == navarch_node.UNUSABLE
    assert said in places.console.read_text()


def test_an_endpoint_without_tls_is_refused(places: Places, authority: Authority) -> None:
    places.join.parent.mkdir()
    document = {"endpoint": "http://127.0.0.1", "ca": authority.pem, "ticket": TICKET, "machine": "m"}
    places.join.write_text(json.dumps(document))
    assert main(places) == navarch_node.UNUSABLE
    assert "is not https" in places.console.read_text()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("kubeadm join --token abcdef.0123456789abcdef --x", "kubeadm join --token <token> --x"),
        ("--certificate-key " + "a" * 64, "--certificate-key <key>"),
        ("-----BEGIN RSA PRIVATE KEY-----\nAAA\n-----END RSA PRIVATE KEY-----\nrest", "<key>\nrest"),
        ('"password": "hunter2", next', '"password": "<hidden>", next'),
        ("sha256:" + "b" * 64, "sha256:" + "b" * 64),
        ("nothing secret in etcd.service", "nothing secret in etcd.service"),
    ],
)
def test_what_looks_like_a_secret_is_not_shown(text: str, shown: str) -> None:
    assert navarch_node.redact(text) == shown
