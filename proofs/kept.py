"""What chapters measured, kept as a file of JSON for each, so that a page has the last of those that were run."""

import json
from pathlib import Path

from demo.steps import Teller

from proofs.lifecycle.results import Results


def keep(folder: Path, results: Results) -> None:
    """Write down what a chapter measured, in place of what it did before."""
    folder.mkdir(exist_ok=True)
    _file(folder, results.chapter).write_text(json.dumps(results.as_json(), indent=1))


def last(folder: Path, chapter: str) -> Results | None:
    """What a chapter measured last; None: it was never run."""
    file = _file(folder, chapter)
    return Results.from_json(json.loads(file.read_text())) if file.exists() else None


def told(tell: Teller, results: Results) -> None:
    """Say what was measured, with a mark where a goal was missed, and why the chapter came to no end."""
    for figure in results.figures:
        goal = f" (goal: {figure.goal})" if figure.goal else ""
        tell.say(f"{'MISSED  ' if figure.met is False else ''}{figure.what}: {figure.measured}{goal}")
    if results.failure:
        tell.say(results.failure)


def _file(folder: Path, chapter: str) -> Path:
    return folder / f"{chapter}.json"
