"""One request to the service: authenticated, bounded in time, tried again where safe, its refusal understood."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Protocol, Self

from navarch.client.errors import ClientError, Problem, Unavailable
from navarch.client.lean_httpx import httpx
from navarch.client.texts import harmless

BASE = "/kaas/v1"
_ATTEMPTS = 6
_ATTEMPTS_UNREACHABLE = 3  # a service that restarts is back soon; a mistyped address never is
_PATIENCE_SECONDS = 60.0
_LONGEST_PAUSE_SECONDS = 15.0
_NOT_NOW = (429, 502, 503, 504)


class Identity(Protocol):
    """Who asks: `keystone.Keystone`, or a fixed token in tests."""

    def headers(self) -> dict[str, str]: ...

    def renew(self) -> bool: ...


class Http:
    """A connection to one Navarch. `clock_offset` is the service's clock minus ours, known to a second; `always` are
    query parameters of every request."""

    def __init__(
        self,
        endpoint: str,
        identity: Identity,
        *,
        verify: Any = True,
        transport: Any = None,
        timeout_seconds: float = 30.0,
        patience_seconds: float = _PATIENCE_SECONDS,
        always: Mapping[str, str] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        on_wait: Callable[[str, float], None] | None = None,
    ) -> None:
        self.endpoint = endpoint.rstrip("/").removesuffix(BASE)
        self.clock_offset = timedelta()
        self._identity, self._sleep, self._clock, self._on_wait = identity, sleep, clock, on_wait
        self._patience, self._always = patience_seconds, httpx.QueryParams(dict(always or {}))
        self._client = httpx.Client(
            base_url=self.endpoint,
            verify=verify,
            transport=transport,
            timeout=httpx.Timeout(timeout_seconds, connect=10.0),
            headers={"Accept": "application/json", "User-Agent": "navarch-client"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | list[tuple[str, Any]] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        authenticated: bool = True,
        as_bytes: bool = False,
    ) -> Any:
        """The decoded answer (None for an empty one); `as_bytes`: as it came.

        Tried again, for `patience_seconds` at most: "not now" answers after their Retry-After, and lost connections
        where the request may be repeated (all but a POST without an idempotency key). Raises Problem, Unavailable,
        NotAuthorised.
        """
        headers, url = dict(headers or {}), self._url(path, params)
        repeatable = method != "POST" or "Idempotency-Key" in headers
        give_up = self._clock() + self._patience
        attempt, attempts, renewed = 0, _ATTEMPTS, False
        while True:
            attempt += 1
            pause, why = 0.0, ""
            try:
                with _mapped(self.endpoint):
                    answer = self._client.request(
                        method, url, json=json,
                        headers={**headers, **(self._identity.headers() if authenticated else {})},
                    )  # fmt: skip
            except Unavailable as error:
                if error.final or not repeatable:
                    raise
                why, pause, failure, attempts = error.message, _backoff(attempt), error, _ATTEMPTS_UNREACHABLE
            else:
                self._note_time(answer.headers.get("Date"))
                if answer.status_code == 401 and authenticated and not renewed and self._identity.renew():
                    renewed = True  # the token may have expired or been revoked since it was issued
                    continue
                if answer.status_code not in _NOT_NOW or (not repeatable and answer.status_code in (502, 504)):
                    return answer.content if as_bytes and answer.is_success else _decoded(answer)
                problem = _problem(answer)
                why = f"{self.endpoint} says: {problem.message} (HTTP {answer.status_code})"
                pause = retry_after(answer.headers.get("Retry-After")) or _backoff(attempt)
                failure, attempts = Unavailable(why), _ATTEMPTS
            if attempt >= attempts or self._clock() + pause > give_up:
                raise failure
            pause = min(pause, _LONGEST_PAUSE_SECONDS)
            if self._on_wait is not None:
                self._on_wait(why, pause)
            self._sleep(pause)

    @contextmanager
    def stream(
        self, path: str, *, params: Mapping[str, Any], headers: Mapping[str, str], silent_seconds: float
    ) -> Iterator[Iterator[str]]:
        """The lines of a stream of events, in which something comes at least once in so many seconds. Not tried again.
        Raises Problem, Unavailable (also while lines are read, and for an answer that is no stream), NotAuthorised."""
        timeout = httpx.Timeout(silent_seconds, connect=10.0)
        for renewed in (False, True):
            headers = {**headers, "Accept": "text/event-stream", **self._identity.headers()}
            with (
                _mapped(self.endpoint),
                self._client.stream("GET", self._url(path, params), headers=headers, timeout=timeout) as answer,
            ):
                self._note_time(answer.headers.get("Date"))
                if answer.status_code == 401 and not renewed and self._identity.renew():
                    continue
                if not answer.is_success:
                    answer.read()
                    if answer.status_code in _NOT_NOW:
                        raise Unavailable(f"{self.endpoint} says: {_problem(answer).message}")
                    raise _problem(answer)
                if not answer.headers.get("Content-Type", "").startswith("text/event-stream"):
                    raise Unavailable(f"{self.endpoint} does not answer with a stream")
                yield _lines(answer.iter_bytes())
                return

    def now(self) -> datetime:
        """The service's time, from our clock and the Date of its last answer."""
        return datetime.now(UTC) + self.clock_offset

    def _url(self, path: str, params: Mapping[str, Any] | list[tuple[str, Any]] | None) -> Any:
        url = httpx.URL(path)
        asked = httpx.QueryParams(params) if isinstance(params, list) else httpx.QueryParams(dict(params or {}))
        return url.copy_with(params=url.params.merge(asked).merge(self._always)) if asked or self._always else url

    def _note_time(self, date: str | None) -> None:
        if date:
            try:
                self.clock_offset = parsedate_to_datetime(date) - datetime.now(UTC)
            except (TypeError, ValueError):
                return
            if abs(self.clock_offset) < timedelta(seconds=2):  # the header has whole seconds: this is no difference
                self.clock_offset = timedelta()


def _lines(content: Iterable[bytes]) -> Iterator[str]:
    """Lines as server-sent events have them: what Unicode calls a line's end may be part of one."""
    rest = b""
    for part in content:
        *lines, rest = (rest + part).split(b"\n")
        yield from (line.removesuffix(b"\r").decode(errors="replace") for line in lines)


def retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header: a number (decimals allowed) or a date; None where there is none to use."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def _backoff(attempt: int) -> float:
    return float(min(0.5 * 2 ** (attempt - 1), 8.0) * random.uniform(0.75, 1.25))


def _decoded(answer: Any) -> Any:
    if answer.is_success:
        if not answer.content:
            return None
        try:
            return harmless(answer.json())
        except ValueError as error:
            raise ClientError(f"{answer.request.url} answered something that is not JSON; is it Navarch?") from error
    raise _problem(answer)


def _problem(answer: Any) -> Problem:
    try:
        body = harmless(answer.json())
    except ValueError:
        body = None
    return Problem.parse(
        answer.status_code, body, answer.headers.get("x-openstack-request-id", ""), answer.reason_phrase
    )


@contextmanager
def _mapped(endpoint: str) -> Iterator[None]:
    """The one door through which httpx's exceptions leave."""
    try:
        yield
    except httpx.ConnectError as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise Unavailable(
                f"the certificate of {endpoint} is not trusted: {error}. If the cloud has a CA of its own, "
                "name its file with `cacert` in clouds.yaml or OS_CACERT.",
                final=True,
            ) from error
        raise Unavailable(f"Navarch at {endpoint} cannot be reached: {error}") from error
    except httpx.TimeoutException as error:
        raise Unavailable(f"Navarch at {endpoint} did not answer in time ({type(error).__name__})") from error
    except httpx.InvalidURL as error:
        raise ClientError(f"{endpoint!r} is not an address: {error}") from error
    except httpx.UnsupportedProtocol as error:
        raise ClientError(f"{endpoint!r} is not an address: it must begin with https:// or http://") from error
    except httpx.HTTPError as error:
        raise Unavailable(f"the connection to Navarch at {endpoint} broke: {error or type(error).__name__}") from error
