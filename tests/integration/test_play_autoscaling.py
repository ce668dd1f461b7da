"""docs/guide/autoscaling.md as a person would follow it in `make play`: pods bring machines, idle machines go."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from tests.integration.playing import Terminal, a_folder, commands, of, play, said_until_ready

from navarch.client import connect
from navarch.client.clusters import Navarch
from navarch.simulator.client import Simulator

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(420)]
PAGE = Path(__file__).parents[2] / "docs" / "guide" / "autoscaling.md"


@pytest.fixture
def folder() -> Iterator[Path]:
    with a_folder() as made:
        yield made


class Shop:
    """What a person sees of the page's cluster meanwhile."""

    def __init__(self, navarch: Navarch, simulator: Simulator) -> None:
        self._navarch, self._simulator = navarch, simulator

    def pending(self) -> int:
        pods = self._simulator.pods(self._navarch.cluster("shop")["id"])
        return sum(not pod.node for pod in pods)

    def machines(self) -> int:
        """Of group web: wanted, and all of them Ready; -1: not yet."""
        group: Any = self._navarch.node_group("shop", "web")
        wanted: int = group["spec"]["replicas"]
        return wanted if group["status"]["ready"] == wanted else -1

    def zones_of(self, group: str) -> list[str]:
        """Of a group's machines that stay."""
        machines: Any = self._navarch.machines("shop")
        return [m["zone"] for m in machines if m["group"] == group and not m["removing"]]

    def kept_free(self) -> int:
        """Places of group web on machines that are Ready; -1: it keeps none free, or nobody looked yet."""
        group: Any = self._navarch.node_group("shop", "web")
        spare = (group["status"]["autoscaling"] or {}).get("spare")
        return spare["ready"] if spare else -1


def until(so: Callable[[], bool], seconds: float) -> None:
    end = monotonic() + seconds
    while not so():
        assert monotonic() < end
        sleep(1.0)


def test_the_pages_commands_bring_machines_for_pods_and_let_them_go(folder: Path) -> None:
    with play(folder) as playing:
        try:
            terminal = Terminal(said_until_ready(playing))
            simulator = Simulator(str(folder / "simulator.sock"))
            with connect(environ=terminal.environ) as navarch:
                shop, typed = Shop(navarch, simulator), commands(PAGE)
                # What a person waits for before the next command.
                awaited: dict[str, Callable[[], bool]] = {
                    "deploy web 4": lambda: shop.machines() == 4 and not shop.pending(),
                    "deploy web 9": lambda: shop.machines() == 6 and shop.pending() == 3,
                    "deploy web 1": lambda: shop.machines() == 1,
                    "--claim disk": lambda: shop.zones_of("data") == ["z2"] and not shop.pending(),
                    "deploy db 0": lambda: not shop.zones_of("data"),
                    "--spare 2:": lambda: shop.kept_free() == 2,
                    "--spare 0": lambda: shop.kept_free() == -1,
                }
                said = {}
                for line in typed:
                    said[line] = terminal.type(line)
                    for so in (so for word, so in awaited.items() if word in line):
                        until(so, 200.0)
            simulator.close()
            assert all(any(word in line for line in typed) for word in awaited)
            explained = [text for line, text in said.items() if "explain web" in line]
            assert any("max node group size reached" in text for text in explained)
            assert any("Places that it keeps free: 2 of 2 are there, 0 on their way" in text for text in explained)
            (events,) = (text for line, text in said.items() if "cluster events" in line)
            assert "TriggeredScaleUp" in events and "NotTriggerScaleUp" in events and "ScaleDown" in events
        finally:
            playing.send_signal(signal.SIGINT)
            playing.wait(60)
    assert of(folder) == []
