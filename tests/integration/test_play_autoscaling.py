"""docs/guide/autoscaling.md as a person would follow it in `make play`: pods bring machines, idle machines go."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
from tests.integration.playing import Terminal, a_folder, commands, of, play, said_until_ready

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(420)]
PAGE = Path(__file__).parents[2] / "docs" / "guide" / "autoscaling.md"


@pytest.fixture
def folder() -> Iterator[Path]:
    with a_folder() as made:
        yield made


class Shop:
    """What the page's cluster shows of itself."""

    def __init__(self, terminal: Terminal) -> None:
        self.type = terminal.type

    def pods(self) -> list[str]:
        """The node of each; empty: Pending."""
        return [pod["node"] for pod in json.loads(self.type("navarch-play pods -c shop -o json"))]

    def machines(self) -> int:
        """Of group web: wanted, and all of them Ready; -1: not yet."""
        group = json.loads(self.type("navarch nodegroup show web -c shop -o json"))
        wanted: int = group["spec"]["replicas"]
        return wanted if group["status"]["ready"] == wanted else -1

    def thoughts(self) -> str:
        return self.type("navarch nodegroup explain web -c shop")

    def told(self, reason: str) -> bool:
        return reason in self.type("navarch cluster events shop")


def until(so: Callable[[], bool], seconds: float) -> None:
    end = monotonic() + seconds
    while not so():
        assert monotonic() < end
        sleep(1.0)


def test_the_pages_commands_bring_machines_for_pods_and_let_them_go(folder: Path) -> None:
    with play(folder) as playing:
        try:
            shop = Shop(Terminal(said_until_ready(playing)))
            # What a person waits for before the next command.
            awaited: dict[str, Callable[[], bool]] = {
                "deploy web 4": lambda: len(shop.pods()) == 4 and all(shop.pods()) and shop.machines() == 4,
                "deploy web 9": lambda: shop.machines() == 6 and shop.pods().count("") == 3,
                "deploy web 1": lambda: shop.machines() == 1,
            }
            typed = commands(PAGE)
            assert all(any(word in line for line in typed) for word in awaited)
            for line in typed:
                shop.type(line)
                for word, so in awaited.items():
                    if word in line:
                        until(so, 240.0)
                if "deploy web 9" in line:
                    until(
                        lambda: "max node group size reached" in shop.type("navarch nodegroup explain web -c shop"),
                        30.0,
                    )
                    assert "NotTriggerScaleUp" in shop.type("navarch-play pods -c shop")
            assert shop.told("TriggeredScaleUp") and shop.told("ScaleDown")
        finally:
            playing.send_signal(signal.SIGINT)
            playing.wait(60)
    assert of(folder) == []
