"""What a customer does with a cluster: kubectl, the sample application, its page."""

import json
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.steps import StepFailed, until

SHOP = Path(__file__).with_name("shop.yaml")


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl with a kubeconfig."""

    program: str
    kubeconfig: Path

    def run(self, *words: str, check: bool = True, stdin: str = "") -> str:
        """Standard output. Raises StepFailed with what kubectl said."""
        done = subprocess.run(
            [self.program, f"--kubeconfig={self.kubeconfig}", *words],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if check and done.returncode:
            raise StepFailed(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def get(self, *words: str) -> Any:
        """An object or a list, as JSON."""
        return json.loads(self.run("get", *words, "-o", "json"))


class Shop:
    """The sample application in a cluster. `manifest`: another way to run it, under the same names."""

    def __init__(self, kubectl: Kubectl, manifest: Path = SHOP) -> None:
        self._kubectl, self._manifest = kubectl, manifest

    def deploy(self) -> None:
        """Ask for it."""
        self._kubectl.run("apply", "-f", str(self._manifest))

    def address(self, seconds: float = 180) -> str:
        """The balancer's floating address."""

        def ingress() -> str | None:
            service = self._kubectl.get("service", "web", "-n", "shop")
            points = service["status"].get("loadBalancer", {}).get("ingress", [])
            return points[0].get("ip") if points else None

        return until("the balancer of Service shop/web has an address", ingress, seconds=seconds, every=0.5)

    def wait(self, seconds: float = 180) -> None:
        """Until both replicas are available."""

        def available() -> bool:
            deployment = self._kubectl.get("deployment", "web", "-n", "shop")
            status, wanted = deployment["status"], deployment["metadata"]["generation"]
            return bool(status.get("availableReplicas") == 2 and status.get("observedGeneration") == wanted)

        until("two replicas of shop/web are available", available, seconds=seconds, every=0.5)

    def nodes(self) -> set[str]:
        """Where its running pods are."""
        pods = self._kubectl.get("pods", "-n", "shop", "-l", "app=web")["items"]
        return {
            p["spec"]["nodeName"]
            for p in pods
            if p["spec"].get("nodeName") and "deletionTimestamp" not in p["metadata"]
        }

    def read(self, address: str, seconds: float = 60) -> Any:
        """What the application says of itself, through the balancer."""
        return until(f"http://{address}/api answers", lambda: _json(f"http://{address}/api"), seconds=seconds)

    def write(self, address: str, text: str, seconds: float = 30) -> None:
        """An entry in the guest book, through the balancer."""
        body = json.dumps({"text": text}).encode()
        until(
            f"http://{address}/api takes an entry",
            lambda: _json(f"http://{address}/api", body) is not None,
            seconds=seconds,
        )


def _json(url: str, body: bytes | None = None) -> Any | None:
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=3) as answer:
            text = answer.read()
    except (urllib.error.URLError, OSError):
        return None
    return json.loads(text) if text else {}
