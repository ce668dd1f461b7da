"""The static pods that the golden answer becomes, made by kubeadm itself: what unit tests of the CIS checks look at."""

import os
import subprocess
from pathlib import Path

import pytest
from tests.integration.kube_apiserver import program
from tests.unit.bootstrap.joining import NOW, SECRETS, control_plane, facts
from tests.unit.proofs.golden_machines import COMPONENTS, FOLDER

from navarch.bootstrap.join import join_answer

pytestmark = pytest.mark.kube


def test_kubeadm_makes_the_manifests_that_were_read_and_approved(tmp_path: Path) -> None:
    files = join_answer(facts(control_plane(0)), SECRETS, NOW).files
    config = tmp_path / "kubeadm-init.yaml"
    config.write_text(next(f.content for f in files if f.path.endswith("/kubeadm-init.yaml")))
    for phase in (("control-plane", "all"), ("etcd", "local")):
        command = [str(program("kubeadm")), "init", "phase", *phase, f"--config={config}", "--dry-run"]
        environment = {**os.environ, "KUBEADM_INIT_DRYRUN_DIR": str(tmp_path)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
    for component in COMPONENTS:
        assert (tmp_path / f"{component}.yaml").read_text() == (FOLDER / f"{component}.yaml").read_text(), component
