"""The last place before the network, where the fence is asked: between a step's decision and its request, keystoneauth
may first have to look for the service or to renew a token, and each of these can take as long as a time-out."""

from typing import Any

import requests
from keystoneauth1.session import TCPKeepAliveAdapter
from requests.adapters import BaseAdapter

from navarch.clouds.fence import before_a_change

_CONNECTIONS = 64  # kept open per host; as many as threads may ask at once


class Fenced(BaseAdapter):
    """Asks the fence before each request that changes something, and sends it by `below` (None: over the network). Who
    logs in changes nothing."""

    def __init__(self, below: BaseAdapter | None) -> None:
        super().__init__()
        self._below = below or TCPKeepAliveAdapter(pool_maxsize=_CONNECTIONS)

    def send(self, request: requests.PreparedRequest, *given: Any, **more: Any) -> requests.Response:
        """See `requests`. Raises what the fence raises."""
        if request.method not in ("GET", "HEAD") and not request.path_url.endswith("/auth/tokens"):
            before_a_change()
        return self._below.send(request, *given, **more)

    def close(self) -> None:
        """Close the connections."""
        self._below.close()
