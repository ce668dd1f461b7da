"""What the lab shows to the outside: certificates, clouds.yaml, DNS questions, errors a person can act upon."""

import ipaddress
import socket
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID

from navarch_lab import certificates, clouds
from navarch_lab.check import question
from navarch_lab.layout import Layout
from navarch_lab.progress import LabError, Progress
from navarch_lab.ready import bound, says
from navarch_lab.topology import SERVICE_ADDRESS


def test_the_endpoints_certificate_names_the_address_and_is_signed_by_the_labs_ca(tmp_path: Path) -> None:
    ca_file, server_file = tmp_path / "ca.crt", tmp_path / "server.pem"
    certificates.ensure(ca_file, server_file)
    ca = x509.load_pem_x509_certificate(ca_file.read_bytes())
    server = x509.load_pem_x509_certificate(server_file.read_bytes())
    server.verify_directly_issued_by(ca)
    names = server.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    assert isinstance(names, x509.SubjectAlternativeName)
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address(SERVICE_ADDRESS)]
    assert isinstance(server.public_key(), ec.EllipticCurvePublicKey)
    assert server_file.stat().st_mode & 0o777 == 0o600
    assert ca_file.stat().st_mode & 0o777 == 0o644


def test_certificates_are_made_once(tmp_path: Path) -> None:
    certificates.ensure(tmp_path / "ca.crt", tmp_path / "server.pem")
    before = (tmp_path / "ca.crt").read_bytes()
    certificates.ensure(tmp_path / "ca.crt", tmp_path / "server.pem")
    assert (tmp_path / "ca.crt").read_bytes() == before


def test_clouds_yaml_has_everybody_over_tls_and_is_for_root_alone(tmp_path: Path) -> None:
    layout = Layout(tmp_path, tmp_path / "cache")
    clouds.write(layout)
    entries = yaml.safe_load(layout.clouds_file.read_text())["clouds"]
    assert set(entries) == {"admin", "navarch", "alpha", "beta", "alpha-reader"}
    assert entries["navarch"]["auth"]["project_name"] == "service"
    assert entries["alpha-reader"]["auth"]["project_name"] == "alpha"
    for entry in entries.values():
        assert entry["auth"]["auth_url"] == f"https://{SERVICE_ADDRESS}:5000/v3"
        assert entry["cacert"] == str(layout.ca_file)
    assert layout.clouds_file.stat().st_mode & 0o777 == 0o600
    assert f"OS_CLIENT_CONFIG_FILE={layout.clouds_file}" in clouds.exports(layout)


def test_a_dns_question_is_laid_out_as_the_protocol_says() -> None:
    assert question("a.bc")[12:] == b"\x01a\x02bc\x00\x00\x01\x00\x01"


def test_an_error_shows_the_end_of_the_log_and_what_to_do(tmp_path: Path) -> None:
    log = tmp_path / "nova.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    text = str(LabError("nova-api ended as it started", log=log, remedy="navarch-lab up again"))
    assert "line 99" in text
    assert "line 50" not in text
    assert "what to do: navarch-lab up again" in text
    assert str(log) in text


def test_a_failed_step_is_told_with_its_log(tmp_path: Path) -> None:
    lines: list[str] = []
    try:
        with Progress(write=lines.append).step("schema of nova", tmp_path / "nova.log"):
            raise RuntimeError
    except RuntimeError:
        pass
    assert "FAILED schema of nova" in lines[0]
    assert "nova.log" in lines[0]


def test_only_what_a_service_said_after_its_start_counts(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("Starting conductor node\n")
    size = log.stat().st_size
    probe = says("Starting conductor node")
    assert probe(log, 0)
    assert not probe(log, size)
    with log.open("a") as file:
        file.write("Starting conductor node\n")
    assert probe(log, size)


def test_a_socket_is_ready_while_somebody_listens_and_is_not_disturbed_by_the_look(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    probe = bound(path)
    assert not probe(tmp_path, 0)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        assert not probe(tmp_path, 0), "bound, but nobody listens yet"
        server.listen()
        assert probe(tmp_path, 0)
        server.setblocking(False)
        try:
            server.accept()
        except BlockingIOError:
            pass
        else:
            raise AssertionError("the look made a connection")
    assert path.exists()
    assert not probe(tmp_path, 0), "a file left behind is no service"
