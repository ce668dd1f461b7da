"""metrics-server: what `kubectl top` and autoscalers ask."""

from navarch.addons.package import Package

ADDON = Package(__name__, after=("cloud-controller",), images={"metrics-server": "metrics-server"})
