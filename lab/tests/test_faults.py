"""Faults of an API, as haproxy is told of them."""

import socket
import threading
from pathlib import Path

import pytest

from navarch_lab import faults
from navarch_lab.conf import gateway
from navarch_lab.faults import ApiFault
from navarch_lab.layout import Layout
from navarch_lab.progress import LabError


def test_a_fault_is_one_word_without_what_the_admin_socket_splits_at() -> None:
    text = ApiFault(delay=2.5, fail=503, rate=0.25).encode()
    assert text == "delay=2.5,fail=503,rate=0.25"
    assert not set(text) & set(" ;\n")


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (ApiFault(), "neither"),
        (ApiFault(fail=200), "not an HTTP error"),
        (ApiFault(delay=-1), "negative"),
        (ApiFault(fail=503, rate=0), "rate"),
        (ApiFault(fail=503, rate=1.5), "rate"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(fault: ApiFault, complaint: str) -> None:
    assert any(complaint in problem for problem in fault.problems())


def test_all_mistakes_are_named_at_once() -> None:
    assert len(ApiFault(delay=-1, fail=200, rate=2).problems()) == 3


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path, tmp_path / "cache")
    layout.run.mkdir()
    gateway.faults_map(layout).parent.mkdir(parents=True)
    gateway.faults_map(layout).write_text("")
    return layout


class Haproxy:
    """Speaks the admin socket's protocol: a line in, an answer, the end of the connection."""

    def __init__(self, layout: Layout) -> None:
        self.heard: list[str] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(layout.haproxy_socket))
        self._server.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection:
                self.heard.append(connection.recv(4096).decode().strip())
                connection.sendall(b"\n")

    def close(self) -> None:
        self._server.close()


def test_a_fault_is_set_at_once_and_kept_until_it_is_cleared(layout: Layout) -> None:
    haproxy = Haproxy(layout)
    path = gateway.faults_map(layout)
    faults.disturb_api(layout, "nova", ApiFault(fail=503))
    faults.disturb_api(layout, "cinder", ApiFault(delay=1))
    assert path.read_text() == "nova fail=503,rate=1\ncinder delay=1,rate=1\n"
    faults.clear_api(layout, "nova")
    assert path.read_text() == "cinder delay=1,rate=1\n"
    assert haproxy.heard == [
        f"del map {path} nova",
        f"add map {path} nova fail=503,rate=1",
        f"del map {path} cinder",
        f"add map {path} cinder delay=1,rate=1",
        f"del map {path} nova",
    ]
    haproxy.close()


def test_an_unknown_api_is_refused_with_the_names_there_are(layout: Layout) -> None:
    with pytest.raises(LabError, match="no API is called novva") as caught:
        faults.clear_api(layout, "novva")
    assert "nova" in caught.value.remedy


def test_with_the_lab_down_the_person_is_told_to_look(layout: Layout) -> None:
    with pytest.raises(LabError, match="haproxy does not answer"):
        faults.disturb_api(layout, "nova", ApiFault(fail=503))
