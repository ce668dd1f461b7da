"""Ask ten times a second, whatever becomes of the requests before, and write down each answer with its time.

    python -m proofs.lifecycle.probing api --kubeconfig FILE --kubectl PROGRAM --log FILE
    python -m proofs.lifecycle.probing workload --url URL --log FILE

Ends at SIGTERM, once what is under way is answered, and after three hours. Every request has a connection of its own,
as that of a new client: a balancer decides anew where it goes. Certificates are verified. A request that was not
answered well is tried once more, half a second later.
"""

import argparse
import asyncio
import json
import random
import signal
import ssl
import tempfile
from base64 import b64decode
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, time
from typing import Any, Self, TextIO

import httpx
import yaml

from proofs.lifecycle.asked import (
    DNS,
    EXEC,
    LOGS,
    MESSAGE_SHOWN,
    NODES,
    PAGE,
    READYZ,
    WRITE,
    Asked,
    api_kind,
    write_key,
)

PACE = 0.1  # seconds between requests
SELDOM = 5.0  # seconds between a pod's log, a command in a pod, a log...
CONNECT, ANSWER, COMMAND = 2.0, 5.0, 10.0  # seconds for a connection, for each wait for an answer, for kubectl
RETRY_AFTER = 0.5  # seconds
LONGEST = 3 * 3600.0  # seconds; a prober that was forgotten ends
NAMESPACE = "shop"


class NotWell(Exception):
    """An answer, but not the one that is wanted."""


@dataclass
class Prober:
    """Asks, and writes down. `stop` ends it."""

    log: TextIO
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    async def keep_asking(self, pace: float, ask: Callable[[int], Coroutine[Any, Any, None]]) -> None:
        """Begin request n after n times `pace` seconds. None waits for another, else fewer were asked while it is
        slow."""
        began, number = monotonic(), 0
        while not self.stop.is_set():
            task = asyncio.create_task(ask(number))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            number += 1
            wait = began + number * pace - monotonic()
            try:
                await asyncio.wait_for(self.stop.wait(), max(wait, 0))
            except TimeoutError:
                continue
        await asyncio.gather(*self._under_way)

    async def ask(self, number: int, kind: str, attempt: Callable[[], Awaitable[int | None]]) -> None:
        """One request: an attempt, and another. `attempt` raises where it is not answered well."""
        at, began, errors = time(), monotonic(), list[str]()
        answered, seen = False, None
        for pause in (0.0, RETRY_AFTER):
            await asyncio.sleep(pause)
            try:
                seen = await attempt()
                answered = True
                break
            except (httpx.HTTPError, NotWell, TimeoutError, OSError, ValueError, KeyError) as error:
                errors.append(f"{type(error).__name__}: {error}"[:MESSAGE_SHOWN])
        asked = Asked(number, kind, at, round(monotonic() - began, 3), answered, tuple(errors), seen)
        self.log.write(asked.line() + "\n")
        self.log.flush()


class Api:
    """A cluster's API as the kubeconfig's user."""

    def __init__(self, kubeconfig: Path, kubectl: str) -> None:
        access = yaml.safe_load(kubeconfig.read_text())
        cluster, user = access["clusters"][0]["cluster"], access["users"][0]["user"]
        context = ssl.create_default_context(cadata=b64decode(cluster["certificate-authority-data"]).decode())
        with tempfile.NamedTemporaryFile() as pair:  # OpenSSL reads files alone; this one is readable by us alone
            pair.write(b64decode(user["client-certificate-data"]) + b64decode(user["client-key-data"]))
            pair.flush()
            context.load_cert_chain(pair.name)
        name = cluster.get("tls-server-name")
        self._extensions = {"sni_hostname": name} if name else {}
        self._client = client(context, cluster["server"])
        self._kubectl = (kubectl, f"--kubeconfig={kubeconfig}")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def readyz(self) -> None:
        """The API server's own word."""
        await self._call("GET", "/readyz")

    async def nodes(self) -> None:
        """All nodes."""
        await self._call("GET", "/api/v1/nodes")

    async def write(self, number: int) -> None:
        """One more key in a ConfigMap."""
        change = json.dumps({"data": {write_key(number): ""}})
        await self._call("PATCH", f"/api/v1/namespaces/{NAMESPACE}/configmaps/written", change)

    async def dns(self) -> int:
        """How many ready endpoints the cluster's DNS has."""
        path = "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices"
        found = (await self._call("GET", f"{path}?labelSelector=kubernetes.io/service-name=kube-dns")).json()
        endpoints = (e for each in found["items"] for e in each.get("endpoints") or ())
        return sum(bool(e.get("conditions", {}).get("ready")) for e in endpoints)

    async def logs(self) -> None:
        """The last line of the log of a pod of the workload."""
        await self._call("GET", f"/api/v1/namespaces/{NAMESPACE}/pods/{await self._pod()}/log?tailLines=1")

    async def exec(self) -> None:
        """A command in a pod of the workload, by kubectl."""
        words = ("exec", "-n", NAMESPACE, await self._pod(), "--", "/sample-web", "-h")
        process = await asyncio.create_subprocess_exec(
            *self._kubectl, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        try:
            said, _ = await asyncio.wait_for(process.communicate(), COMMAND)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise NotWell(f"kubectl exec: not within {COMMAND:.0f} s") from None
        if process.returncode:
            raise NotWell(f"kubectl exec: {said.decode(errors='replace').strip()}")

    async def _pod(self) -> str:
        """One that is Ready and is not leaving: a pod that goes has no log to be had, whoever is asked."""
        answer = await self._call("GET", f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app=web")
        there: list[str] = [p["metadata"]["name"] for p in answer.json()["items"] if _serves(p)]
        if not there:
            raise NotWell("no pod of the workload is Ready")
        return random.choice(there)

    async def _call(self, method: str, path: str, change: str | None = None) -> httpx.Response:
        kind = {"Content-Type": "application/merge-patch+json"} if change else {}
        answer = await self._client.request(method, path, content=change, headers=kind, extensions=self._extensions)
        if answer.status_code != 200:
            raise NotWell(f"{method} {path.split('?')[0]}: {answer.status_code} {answer.text}")
        return answer


async def probe_api(prober: Prober, kubeconfig: Path, kubectl: str) -> None:
    """Until it is stopped."""
    async with Api(kubeconfig, kubectl) as api:

        async def often(number: int) -> None:
            kind = api_kind(number)
            asks: dict[str, Callable[[], Awaitable[int | None]]] = {
                WRITE: lambda: api.write(number), DNS: api.dns, READYZ: api.readyz, NODES: api.nodes,
            }  # fmt: skip
            await prober.ask(number, kind, asks[kind])

        async def seldom(number: int) -> None:
            kind, attempt = (EXEC, api.exec) if number % 2 else (LOGS, api.logs)
            await prober.ask(number, kind, attempt)

        await asyncio.gather(prober.keep_asking(PACE, often), prober.keep_asking(SELDOM, seldom))


async def probe_workload(prober: Prober, url: str) -> None:
    """Until it is stopped."""
    async with client(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), url) as http:  # plain HTTP: no CA is needed

        async def page() -> None:
            answer = await http.get("/api")
            if answer.status_code != 200:
                raise NotWell(f"{answer.status_code} {answer.text}")

        await prober.keep_asking(PACE, lambda number: prober.ask(number, PAGE, page))


def client(context: ssl.SSLContext, url: str) -> httpx.AsyncClient:
    """One that keeps no connection, and takes no proxy from the environment."""
    return httpx.AsyncClient(
        base_url=url,
        verify=context,
        trust_env=False,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        timeout=httpx.Timeout(ANSWER, connect=CONNECT),
    )


def _serves(pod: dict[str, Any]) -> bool:
    conditions = {c["type"]: c["status"] for c in pod.get("status", {}).get("conditions", ())}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


async def probe(options: argparse.Namespace) -> None:
    """What the command line says."""
    with options.log.open("w") as log:
        prober = Prober(log)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, prober.stop.set)
        loop.call_later(LONGEST, prober.stop.set)
        if options.what == "api":
            await probe_api(prober, options.kubeconfig, options.kubectl)
        else:
            await probe_workload(prober, options.url)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m proofs.lifecycle.probing")
    kinds = parser.add_subparsers(dest="what", required=True)
    api, workload = kinds.add_parser("api"), kinds.add_parser("workload")
    api.add_argument("--kubeconfig", type=Path, required=True)
    api.add_argument("--kubectl", required=True)
    workload.add_argument("--url", required=True)
    for each in (api, workload):
        each.add_argument("--log", type=Path, required=True)
    asyncio.run(probe(parser.parse_args()))


if __name__ == "__main__":
    main()
