#!/usr/bin/python3
"""navarch-node: fetches what this machine must become, does it, and says how it went.

Started by systemd once /etc/navarch/join.json exists (cloud-init writes it from user data):

    {"endpoint": "https://host:port", "ca": "<PEM>", "ticket": "<opaque>", "machine": "<name>"}

1. Asks POST {endpoint}/bootstrap/v1/join until it is answered. The endpoint's certificate must come from `ca` and
   from nowhere else. The nonce sent along is made once per machine, so that the same machine may ask again after a
   crash and another one that found the ticket may not.
2. Writes the files it is given, each atomically, then runs the steps it is given, in order.
3. Reports each step's start, end and, on failure, the end of its output. Reports never hold up a step.
4. Notes every finished step in /var/lib/navarch/done.json, so that a reboot does not repeat it, and, once all are
   done, removes the ticket from join.json.

Exit code 0: all done (now or on an earlier boot). 3: a step failed; its reason was reported and is on the console.
4: join.json cannot be used. The unit does not try those two again; anything else (a crash) it does.
Standard library only and one file, however long: it must run before anything is installed.
"""

import hashlib
import http.client
import json
import os
import queue
import re
import secrets
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

STEP_FAILED = 3
UNUSABLE = 4

REFUSED = (401, 403, 409, 410)  # the ticket is not good for this machine: a person or the service must act
REFUSED_PAUSE = 30.0  # seconds
LONGEST_PAUSE = 15.0  # seconds between two attempts to reach the endpoint
REQUEST_TIMEOUT = 15.0  # seconds
LOG_TAIL = 8 * 1024  # bytes of a failed step's output that are reported
DRAIN = 10.0  # seconds the last reports get before the program ends
_STEP_PAUSE = 1.0  # seconds between two attempts of a step that may be retried

_SECRETS = (
    (re.compile(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b"), "<token>"),  # kubeadm's bootstrap tokens
    (re.compile(r"(--certificate-key[ =]|certificateKey: )[0-9a-f]{64}"), r"\1<key>"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), "<key>"),
    (re.compile(r"((?:password|secret|token)[\"']?\s*[:=]\s*[\"']?)[^\s\"',]+", re.IGNORECASE), r"\1<hidden>"),
)


class JoinFileError(Exception):
    """join.json cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the program reads and writes. Tests use folders of their own."""

    join: Path = Path("/etc/navarch/join.json")
    state: Path = Path("/var/lib/navarch")
    console: Path = Path("/dev/console")


@dataclass(frozen=True, slots=True)
class Join:
    """join.json. The ticket is None once this machine has joined."""

    endpoint: str
    ca: str
    machine: str
    ticket: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """One command, with its deadline and how long failures are forgiven (both in seconds)."""

    phase: str
    argv: tuple[str, ...]
    timeout: float
    retry_for: float

    @property
    def digest(self) -> str:
        """What makes this step this step: done.json is keyed by it."""
        return hashlib.sha256(json.dumps([self.phase, self.argv]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: its status, JSON body (empty if it was none) and Retry-After in seconds."""

    status: int
    body: Mapping[str, Any]
    retry_after: float | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended. `log` is the end of its output."""

    ok: bool
    seconds: float
    reason: str = ""
    log: str = ""


def main(places: Places) -> int:
    """Do all of the above; returns the exit code."""
    console = Console(places.console)
    try:
        join = read_join(places.join)
        endpoint = Endpoint(join.endpoint, join.ca)
    except JoinFileError as error:
        console.say(f"cannot join: {error}")
        return UNUSABLE
    if join.ticket is None:
        console.say(f"{join.machine} has joined on an earlier boot")
        return 0
    answer = ask_to_join(endpoint, join, places, console)
    reports = Reports(endpoint, join.machine, str(answer["report_token"]))
    try:
        if not carry_out(answer, places, reports, console):
            return STEP_FAILED
        forget_ticket(places.join)
        console.say(f"{join.machine} is done")
        return 0
    finally:
        reports.close(DRAIN)


# --- asking ----------------------------------------------------------------------------------------------------------


def read_join(path: Path) -> Join:
    """Parse join.json. Raises JoinFileError."""
    try:
        document = json.loads(path.read_text())
        join = Join(document["endpoint"], document["ca"], document["machine"], document.get("ticket"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JoinFileError(f"{path}: {type(error).__name__}: {error}") from error
    if urlsplit(join.endpoint).scheme != "https":
        raise JoinFileError(f"{path}: endpoint {join.endpoint!r} is not https")
    return join


def ask_to_join(
    endpoint: "Endpoint",
    join: Join,
    places: Places,
    console: "Console",
    sleep: Callable[[float], None] = time.sleep,
) -> Mapping[str, Any]:
    """Ask until the service hands out this machine's files and steps, however long that takes."""
    request = {"machine": join.machine, "ticket": join.ticket, "nonce": nonce(places.state), "boot": boot_facts(places)}
    pause, said = 0.5, ""
    while True:
        try:
            answer = endpoint.post("/bootstrap/v1/join", request)
        except (OSError, http.client.HTTPException) as error:
            wait, pause = pause, min(pause * 1.5, LONGEST_PAUSE)
            why = f"cannot reach {join.endpoint}: {error}"
        else:
            if answer.status == 200:
                return answer.body
            why = f"{join.endpoint} answers {answer.status}: {_reason(answer.body)}"
            if answer.status in REFUSED:
                wait = REFUSED_PAUSE
            else:  # 425, 503: not ready; anything else is the service's trouble, which may pass too
                wait = answer.retry_after if answer.retry_after is not None else pause
                pause = min(pause * 1.5, LONGEST_PAUSE) if answer.retry_after is None else 0.5
        if why != said:  # once a reason, or the console would hold nothing else
            console.say(redact(why, join.ticket or ""))
            said = why
        sleep(wait)


def nonce(state: Path) -> str:
    """This machine's own random word, made at first use."""
    path = state / "nonce"
    if not path.exists():
        write_file(path, secrets.token_urlsafe(32), 0o600)
    return path.read_text()


def boot_facts(places: Places) -> dict[str, Any]:
    """When cloud-init wrote join.json and how many seconds ago this system's init started.

    In a system container /proc/uptime is the host's, so the start of PID 1 is what counts.
    """
    written = datetime.fromtimestamp(places.join.stat().st_mtime, UTC).isoformat(timespec="milliseconds")
    started = int(Path("/proc/1/stat").read_text().rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
    uptime = time.clock_gettime(time.CLOCK_BOOTTIME) - started
    return {"cloud_init_at": written.replace("+00:00", "Z"), "uptime_seconds": round(uptime, 3)}


@dataclass(slots=True)
class Endpoint:
    """The service, trusted through one authority only."""

    url: str
    ca: str
    _context: ssl.SSLContext = field(init=False)

    def __post_init__(self) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            self._context.load_verify_locations(cadata=self.ca)
        except (ssl.SSLError, ValueError) as error:
            raise JoinFileError(f"the authority in join.json cannot be read: {error}") from error

    def post(self, path: str, body: Mapping[str, Any], token: str | None = None) -> Answer:
        """POST JSON. Raises OSError (ssl.SSLError is one) or http.client.HTTPException."""
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        connection = http.client.HTTPSConnection(
            parts.hostname, parts.port or 443, timeout=REQUEST_TIMEOUT, context=self._context
        )
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Connection": "close"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            connection.request("POST", parts.path.rstrip("/") + path, json.dumps(body).encode(), headers)
            response = connection.getresponse()
            return Answer(response.status, _json_object(response.read()), _seconds(response.getheader("Retry-After")))
        finally:
            connection.close()


# --- doing -----------------------------------------------------------------------------------------------------------


def carry_out(answer: Mapping[str, Any], places: Places, reports: "Reports", console: "Console") -> bool:
    """Write the files and run the steps that are not done yet; False when one failed."""
    for file in answer["files"]:
        write_file(Path(file["path"]), file["content"], int(file["mode"], 8))
    done = Done(places.state / "done.json")
    for step in steps(answer):
        if step.digest in done:
            console.say(f"{step.phase}: done on an earlier run")
            continue
        reports.send(step.phase, "started", 0.0)
        console.say(f"{step.phase}: started")
        outcome = run_step(step)
        if not outcome.ok:
            log = redact(outcome.log, str(answer["report_token"]))
            reports.send(step.phase, "failed", outcome.seconds, f"{outcome.reason}\n{log}"[-LOG_TAIL:])
            console.say(f"{step.phase}: failed after {outcome.seconds:.1f} s: {outcome.reason}\n{log}")
            return False
        done.add(step)
        reports.send(step.phase, "done", outcome.seconds)
        console.say(f"{step.phase}: done in {outcome.seconds:.1f} s")
    return True


def steps(answer: Mapping[str, Any]) -> Iterator[Step]:
    """The answer's steps."""
    for step in answer["steps"]:
        yield Step(
            phase=str(step["phase"]),
            argv=tuple(str(word) for word in step["argv"]),
            timeout=float(step["timeout_seconds"]),
            retry_for=float(step.get("retry_for_seconds", 0)),
        )


def run_step(step: Step, sleep: Callable[[float], None] = time.sleep) -> Outcome:
    """Run a step until it succeeds; failures within `retry_for` seconds of its start are tried again."""
    start = time.monotonic()
    while True:
        reason, log = run_command(step.argv, step.timeout)
        seconds = time.monotonic() - start
        if not reason:
            return Outcome(True, seconds)
        if seconds + _STEP_PAUSE > step.retry_for:
            return Outcome(False, seconds, reason, log)
        sleep(_STEP_PAUSE)


def run_command(argv: Sequence[str], timeout: float) -> tuple[str, str]:
    """Run a command, its output going to the journal; returns why it failed ("" if it did not) and the output's end.

    A command over its time is killed with everything it started.
    """
    try:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
    except OSError as error:
        return f"cannot run {argv[0]}: {error}", ""
    tail = bytearray()
    reader = threading.Thread(target=_follow, args=(process, tail), daemon=True)
    reader.start()
    try:
        code = process.wait(timeout)
        reason = f"{argv[0]} ended with {code}" if code else ""
    except subprocess.TimeoutExpired:
        reason = f"{argv[0]} took longer than {timeout:g} s"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    reader.join(1.0)  # not for ever: a daemon that the command left behind may hold the pipe open
    return reason, bytes(tail).decode(errors="replace")


def _follow(process: "subprocess.Popen[bytes]", tail: bytearray) -> None:
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            sys.stdout.write(redact(line.decode(errors="replace")))
            sys.stdout.flush()
            tail += line
            del tail[:-LOG_TAIL]


class Done:
    """The steps this machine has finished, kept across reboots."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digests: dict[str, str] = {}
        if path.exists():
            try:
                self._digests = json.loads(path.read_text())
            except ValueError:
                # Cut off by a power failure before the rename could be safe: doing a step again is the lesser evil.
                self._digests = {}

    def __contains__(self, digest: str) -> bool:
        return digest in self._digests

    def add(self, step: Step) -> None:
        """Note a finished step."""
        self._digests[step.digest] = step.phase
        write_file(self._path, json.dumps(self._digests, indent=1), 0o600)


def forget_ticket(path: Path) -> None:
    """Remove the secret from join.json; what remains says that this machine has joined, and where."""
    document = json.loads(path.read_text())
    document.pop("ticket", None)
    write_file(path, json.dumps(document), 0o600)


def write_file(path: Path, content: str, mode: int) -> None:
    """Write a file so that it is whole or absent, never readable to others in between, and survives a power failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.navarch")
    partial.unlink(missing_ok=True)
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        os.fchmod(handle, mode)
        file.write(content)
        file.flush()
        os.fsync(handle)
    partial.replace(path)


# --- telling ---------------------------------------------------------------------------------------------------------


class Reports:
    """Reports, sent in order by a thread of their own; tried again until they arrive or the program ends."""

    def __init__(self, endpoint: Endpoint, machine: str, token: str) -> None:
        self._endpoint = endpoint
        self._machine = machine
        self._token = token
        self._queue: queue.Queue[Mapping[str, Any] | None] = queue.Queue()
        self._closing = threading.Event()
        self._deadline = float("inf")
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def send(self, phase: str, state: str, seconds: float, log: str | None = None) -> None:
        """Queue a report; returns at once."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        report = {"machine": self._machine, "phase": phase, "state": state, "at": at, "seconds": round(seconds, 3)}
        if log is not None:
            report["log"] = log
        self._queue.put(report)

    def close(self, seconds: float) -> None:
        """Wait until all is sent, but no longer than that."""
        self._deadline = time.monotonic() + seconds
        self._queue.put(None)
        self._closing.set()
        self._thread.join(seconds + 1.0)

    def _run(self) -> None:
        while (report := self._queue.get()) is not None:
            self._deliver(report)

    def _deliver(self, report: Mapping[str, Any]) -> None:
        pause = 0.2
        while (trouble := self._attempt(report)) is not None:
            if time.monotonic() >= self._deadline:
                print(f"report not delivered: {trouble}", flush=True)
                return
            if self._closing.is_set():
                time.sleep(0.2)
            else:
                self._closing.wait(pause)
            pause = min(pause * 2, 5.0)

    def _attempt(self, report: Mapping[str, Any]) -> str | None:
        """What stands in the way of the report, which may pass; None when there is nothing left to try."""
        try:
            answer = self._endpoint.post("/bootstrap/v1/reports", report, self._token)
        except (OSError, http.client.HTTPException) as error:
            return str(error)
        if answer.status >= 500 or answer.status in (425, 429):
            return f"status {answer.status}"
        if answer.status >= 400:
            print(f"report refused: {answer.status} {_reason(answer.body)}", flush=True)
        return None


class Console:
    """Words for whoever looks at the machine's console; the journal gets them through standard output."""

    def __init__(self, device: Path) -> None:
        self._device = device

    def say(self, text: str) -> None:
        """Write a message; a console that cannot take it holds up nothing."""
        line = f"navarch-node: {redact(text)}"
        print(line, flush=True)
        try:
            handle = os.open(self._device, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_APPEND)
        except OSError:
            return
        try:
            os.write(handle, (line.replace("\n", "\r\n") + "\r\n").encode())
        except OSError:
            pass
        finally:
            os.close(handle)


def redact(text: str, *known: str) -> str:
    """The text without what opens doors: the words known to be secret, and all that looks like a key or token."""
    for secret in known:
        if secret:
            text = text.replace(secret, "<hidden>")
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def _reason(body: Mapping[str, Any]) -> str:
    return str(body.get("detail") or body.get("title") or "no reason given")


def _json_object(content: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _seconds(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header is not None else None
    except ValueError:
        return None


if __name__ == "__main__":
    sys.exit(main(Places()))
