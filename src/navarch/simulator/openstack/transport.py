"""The way into a region within one process: a transport of `requests`, mounted where HTTPS would be.

Everything above it is what a real installation runs: keystoneauth with its tokens, catalogue and versions, `requests`,
JSON out and in.
"""

import json
from collections.abc import Callable
from email.utils import format_datetime
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.exceptions import ConnectionError as Closed
from requests.exceptions import ConnectTimeout, ReadTimeout

from navarch.simulator.openstack.about import About, about
from navarch.simulator.openstack.faults import Strike, Striker
from navarch.simulator.openstack.messages import Answer
from navarch.simulator.openstack.services import Services


class Transport(BaseAdapter):
    """Sends requests to `services`. `before` is told of each before anything happens to it, and may let others act;
    then `strike` says whether a fault hits it."""

    def __init__(
        self, services: Services, *, strike: Striker | None = None, before: Callable[[About], None] | None = None
    ) -> None:
        super().__init__()
        self._services, self._strike, self._before = services, strike, before

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """See `requests`. Raises what `requests` raises where no answer comes."""
        sent: Any = request.body
        headers: Any = request.headers
        asked = self._services.request(
            str(request.method), str(request.url), json.loads(sent) if sent else None, headers
        )
        if asked is None:
            return self._response(request, Answer(404))
        strike = None
        if self._strike is not None or self._before is not None:
            what = about(self._services.region, asked)
            if self._before is not None:
                self._before(what)
            strike = self._strike(what) if self._strike is not None else None
        if strike is None:
            return self._response(request, self._services.answer(asked))
        if strike.fails and not strike.done:
            return self._failed(request, strike, strike.answer(asked))
        strike.distort(asked)
        answer = self._services.answer(asked)
        return self._failed(request, strike, None) if strike.fails else self._response(request, answer)

    def close(self) -> None:
        """Nothing is kept open."""

    def _failed(self, request: requests.PreparedRequest, strike: Strike, answer: Answer | None) -> requests.Response:
        if answer is not None:
            return self._response(request, answer)
        if strike.closed:
            raise Closed("Remote end closed connection without response", request=request)
        raise (ReadTimeout if strike.done else ConnectTimeout)("timed out", request=request)

    def _response(self, request: requests.PreparedRequest, answer: Answer) -> requests.Response:
        response = requests.Response()
        response.request, response.url, response.status_code = request, str(request.url), answer.status
        plain = isinstance(answer.body, str)
        text = (
            answer.body if isinstance(answer.body, str) else json.dumps(answer.body) if answer.body is not None else ""
        )
        response._content, response.encoding = text.encode(), "utf-8"
        response.headers.update(answer.headers)
        response.headers["Date"] = format_datetime(self._services.region.now(), usegmt=True)
        response.headers["Content-Type"] = "text/html" if plain else "application/json"
        return response
