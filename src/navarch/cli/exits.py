"""How a command ends: exit codes that scripts may rely on, and errors as a person should read them."""

import sys
from collections.abc import Callable, Sequence
from enum import IntEnum

from navarch.client.errors import ClientError, NotAuthorised, NotConfigured, Problem, Unavailable


class Exit(IntEnum):
    """Exit codes. They never change their meaning; docs/guide/cli.md lists them."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    REFUSED = 4
    NOT_AUTHORISED = 5
    TIMED_OUT = 6
    UNAVAILABLE = 7
    INTERRUPTED = 130


class Failure(Exception):
    """A command cannot do what it was asked: `code` is the exit code, the message is for people."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.message, self.code = message, code


def exit_code(error: ClientError | Failure) -> Exit:
    """The exit code of an error."""
    match error:
        case Failure(code=code):
            return code
        case Problem(status=404):
            return Exit.NOT_FOUND
        case Problem(status=401 | 403):
            return Exit.NOT_AUTHORISED
        case Problem(status=status):
            return Exit.REFUSED if status < 500 else Exit.FAILED
        case NotAuthorised() | NotConfigured():
            return Exit.NOT_AUTHORISED
        case Unavailable():
            return Exit.UNAVAILABLE
    return Exit.FAILED


def report(error: ClientError | Failure) -> Exit:
    """Print the error, with every bad field of a refusal, and give its exit code."""
    print("\n".join(lines_of(error)), file=sys.stderr)
    return exit_code(error)


def carry_out(app: Callable[..., object], arguments: Sequence[str] | None, name: str) -> int:
    """Run a command line of a program of that name, and give its exit code; None: that of this process."""
    try:
        app(args=None if arguments is None else list(arguments), prog_name=name)
    except (ClientError, Failure) as error:
        return report(error)
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else Exit.OK if ending.code is None else Exit.FAILED
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return Exit.OK


def lines_of(error: ClientError | Failure) -> list[str]:
    """An error as lines of text."""
    lines = [f"Error: {error.message}"]
    if isinstance(error, Problem):
        lines += [f"  {e.field}: {e.detail}" if e.field else f"  {e.detail}" for e in error.errors]
        for name in ("responsible", "remedy"):
            if error.extra.get(name):
                lines.append(f"  {name}: {error.extra[name]}")
        if error.request_id and (error.status >= 500 or not error.errors):
            lines.append(f"  request id: {error.request_id}")
    return lines
