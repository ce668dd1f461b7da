"""The operator's doctor on a real cloud, with the service user of the lab."""

import os
from pathlib import Path

import pytest
import yaml

from navarch.doctor.finding import Level
from navarch.doctor.service_user import examine_cloud
from navarch.settings import Settings, read_settings

pytestmark = pytest.mark.lab
_STATE = Path(os.environ.get("NAVARCH_LAB_STATE", "/var/lib/navarch-lab"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Those of Navarch in the lab, as far as its cloud is concerned."""
    lab = yaml.safe_load((_STATE / "clouds.yaml").read_text())["clouds"]["navarch"]
    (tmp_path / "password").write_text(lab["auth"]["password"])
    path = tmp_path / "navarch.toml"
    path.write_text(
        f"""
        [api]
        public_url = "https://kaas.example.org"
        password_file = "p"
        certificate = "c"
        key = "k"
        certificate_ca = "a"
        [cloud]
        auth_url = "{lab["auth"]["auth_url"]}"
        password_file = "password"
        ca_file = "{lab["cacert"]}"
        [keys]
        sealing_file = "s"
        report_file = "r"
        worker_file = "r"
        """
    )
    return read_settings(path)


def test_the_labs_cloud_can_have_clusters(settings: Settings) -> None:
    findings = list(examine_cloud(settings))
    assert [f for f in findings if f.level is Level.FAIL] == []
    assert {"roles", "cluster domain", "customers' projects", "flavors", "balancer provider"} <= {
        f.subject for f in findings if f.level is Level.OK
    }


def test_a_wrong_password_is_the_one_thing_that_is_told(settings: Settings) -> None:
    settings.cloud.password_file.write_text("wrong")
    (finding,) = examine_cloud(settings)
    assert (finding.level, finding.subject) == (Level.FAIL, "Keystone login")
    assert "wrong" not in finding.detail
