"""What an operator may set about the API."""

from dataclasses import dataclass

from navarch.api.connections import Network
from navarch.bootstrap.registry import Registry
from navarch.service.access import ServiceSettings


@dataclass(frozen=True, slots=True)
class ApiSettings(ServiceSettings):
    """`policy_file`: oslo.policy rules that replace the defaults, or empty. `balancers`: see `connections.Bounds`.
    `registry`: where clusters' machines pull images from.
    Bounds: `body_bytes` and `body_depth` of a request; `page` entries of a list at most; `watchers` streams at once in
    this process, and `watchers_per_project`.

    A machine may ask `machine_burst` times at once, `machine_rate` times a second in the long run: a boot reports some
    twenty phases. A stream is told of a change at once, or after `watch_interval` seconds where no notification comes,
    and is ended after `watch_seconds`: its watcher comes back by itself."""

    policy_file: str = ""
    balancers: tuple[Network, ...] = ()
    registry: Registry | None = None
    body_bytes: int = 256 * 1024
    body_depth: int = 32
    page: int = 1000
    machine_burst: int = 60
    machine_rate: float = 10.0
    watchers: int = 500
    watchers_per_project: int = 100
    watch_interval: float = 1.0
    watch_seconds: float = 3600.0
