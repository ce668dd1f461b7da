"""The part of `up` that speaks to the running services: first resources made once, readiness asked every time."""

import hashlib
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from navarch_lab import bootstrap, topology
from navarch_lab.conf.ini import Context
from navarch_lab.graph import Step
from navarch_lab.progress import LabError, Progress
from navarch_lab.topology import HOSTS, VOLUME_BACKENDS

_COMPUTES = {f"nova-compute-{host}" for host in HOSTS}
_LIMIT = 120.0
"""Seconds a service may take to report itself."""


class Settling:
    """Steps that share one connection. What was made is marked, by a digest of all that says what to make."""

    def __init__(self, context: Context, progress: Progress) -> None:
        self._context = context
        self._progress = progress
        self._lock = threading.Lock()
        self._connection: Any = None
        sources = (Path(module.__file__ or "").read_bytes() for module in (bootstrap, topology))
        self._digest = hashlib.sha256(b"".join(sources)).hexdigest()[:12]

    def steps(self) -> list[Step]:
        apis = {"nova-api", "nova-conductor", "nova-scheduler", "placement-api", "identities"}
        return [
            Step("identities", self._identities, frozenset({"keystone-api"})),
            Step("hosts", self._hosts, frozenset(_COMPUTES | apis)),
            Step("network", self._network, frozenset({"neutron-api", "identities", "neutron-ovn-agent"})),
            Step(
                "storage",
                self._storage,
                frozenset({"cinder-api", "cinder-volume", "cinder-scheduler", "identities"}),
            ),
            Step("quotas", self._quotas, frozenset({"network", "storage", "hosts"})),
        ]

    def _cloud(self) -> Any:
        with self._lock:
            if self._connection is None:
                self._connection = bootstrap.connect(self._context)
            return self._connection

    def _once(self, name: str, what: str, make: Callable[[], None]) -> None:
        """Make something, unless the mark says that this very thing was made."""
        done = self._context.layout.data / "made" / f"{name}-{self._digest}"
        if done.exists():
            return
        with self._progress.step(what):
            try:
                make()
            except LabError:
                raise
            except Exception as error:
                # Whatever the SDK raises, the person can do the same: look at that service, and go on.
                raise LabError(
                    f"{what}: {type(error).__name__}: {error}",
                    remedy="navarch-lab status names the services' logs; then navarch-lab up again",
                ) from error
        done.parent.mkdir(parents=True, exist_ok=True)
        done.touch()

    def _identities(self) -> None:
        def make() -> None:
            # A connection of its own: one made before the catalogue is whole would never see the rest.
            bootstrap.ensure_identities(bootstrap.connect(self._context), self._context)

        self._once("identities", "roles, users, projects, catalogue", make)

    def _hosts(self) -> None:
        self._until_empty("compute hosts registered", bootstrap.missing)

        def make() -> None:
            bootstrap.ensure_flavors(self._cloud())
            bootstrap.ensure_zones(self._cloud())

        self._once("hosts", "flavors and zones", make)

    def _network(self) -> None:
        self._once("network", "external network", lambda: bootstrap.ensure_external_network(self._cloud()))
        self._until_empty("network agents alive", bootstrap.missing_network)

    def _storage(self) -> None:
        def make() -> None:
            bootstrap.ensure_volume_types(self._cloud(), VOLUME_BACKENDS.values())

        self._once("storage", "volume types", make)
        self._until_empty("volume backends report", partial(bootstrap.missing_storage, backends=VOLUME_BACKENDS))

    def _quotas(self) -> None:
        self._once("quotas", "quotas of the customers", lambda: bootstrap.ensure_quotas(self._cloud()))

    def _until_empty(self, what: str, look: Callable[[Any], list[str]]) -> None:
        """Wait until nothing is missing. A service that refuses to answer meanwhile is asked again."""
        end = time.monotonic() + _LIMIT
        with self._progress.step(what):
            while True:
                try:
                    lacking = look(self._cloud())
                    if not lacking:
                        return
                    trouble = f"{what}: still missing: {', '.join(lacking)}"
                except Exception as error:  # noqa: BLE001 - any of the SDK's: shown when time is up
                    trouble = f"{what}: {type(error).__name__}: {error}"
                if time.monotonic() > end:
                    raise LabError(trouble, remedy="navarch-lab status names the logs; navarch-lab up again waits on")
                time.sleep(0.5)
