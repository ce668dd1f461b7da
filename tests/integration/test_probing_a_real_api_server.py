"""The API prober of `make proof-lifecycle` before a real kube-apiserver, where a request that is itself wrong shows."""

import asyncio
import io
import json
import subprocess
from pathlib import Path

import pytest
from proofs.lifecycle import probing
from proofs.lifecycle.asked import Asked, lost_writes, read
from proofs.lifecycle.scene import WEB
from tests.integration.kube_apiserver import ApiServer, program

pytestmark = pytest.mark.kube
_WITHOUT_A_POD = {"logs", "exec"}  # there is no kubelet here


def probed(kubeconfig: Path, seconds: float) -> tuple[Asked, ...]:
    async def probe() -> str:
        log = io.StringIO()
        prober = probing.Prober(log)
        asyncio.get_running_loop().call_later(seconds, prober.stop.set)
        await probing.probe_api(prober, kubeconfig, str(program("kubectl")))
        return log.getvalue()

    return read(asyncio.run(probe()))


def test_all_that_the_prober_asks_is_answered_and_what_it_writes_is_there(kube: ApiServer) -> None:
    kubeconfig = kube.kubeconfig()
    kubectl = (str(program("kubectl")), f"--kubeconfig={kubeconfig}")
    subprocess.run([*kubectl, "apply", "-f", str(WEB)], check=True, timeout=60)
    found = probed(kubeconfig, 3)
    assert {a.kind for a in found} >= {"readyz", "nodes", "write", "dns", "logs"}
    assert [a for a in found if not a.answered and a.kind not in _WITHOUT_A_POD] == []
    assert {a.errors[-1] for a in found if a.kind == "logs"} == {"NotWell: no pod of the workload is Ready"}
    assert {a.seen for a in found if a.kind == "dns"} == {0}
    written = kube.admin().ask("GET", f"/api/v1/namespaces/{probing.NAMESPACE}/configmaps/written").json()["data"]
    assert written
    assert lost_writes(found, written) == ()


def test_the_prober_expects_the_server_that_the_kubeconfig_names(kube: ApiServer) -> None:
    access = json.loads(kube.kubeconfig().read_text())
    access["clusters"][0]["cluster"]["tls-server-name"] = "kubernetes"  # as Navarch's say; this server has no name
    kubeconfig = kube.folder / "other.kubeconfig"
    kubeconfig.write_text(json.dumps(access))
    found = probed(kubeconfig, 0.3)
    assert found
    assert not any(a.answered for a in found)
    assert all("certificate" in a.errors[0] for a in found)
