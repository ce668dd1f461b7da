"""What an operator may set about the API."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """`policy_file`: oslo.policy rules that replace the defaults, or empty. Bounds: `body_bytes` and `body_depth` of a
    request; `page` entries of a list at most; `clusters_per_project`; `watchers` streams at once.

    A quota counts as known for `quota_age` seconds; a request waits `quota_wait` seconds for a worker to read it.
    A machine may ask `machine_burst` times at once, `machine_rate` times a second in the long run: a boot reports some
    twenty phases. A watcher looks every `watch_interval` seconds and is ended after `watch_seconds`: it comes back by
    itself."""

    policy_file: str = ""
    body_bytes: int = 256 * 1024
    body_depth: int = 32
    page: int = 1000
    clusters_per_project: int = 100
    quota_age: float = 20.0
    quota_wait: float = 3.0
    machine_burst: int = 60
    machine_rate: float = 10.0
    watchers: int = 200
    watch_interval: float = 1.0
    watch_seconds: float = 3600.0
    kubeconfig_seconds: int = 8 * 3600
    kubeconfig_seconds_most: int = 30 * 86400
