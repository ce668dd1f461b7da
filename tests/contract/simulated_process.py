"""The stage on a simulated region behind its socket: what a worker and the simulator's process say to each other."""

import asyncio
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from simulated import SimulatedStage

from navarch.clouds.contract import Cloud, Endpoint
from navarch.clouds.simulator import Request, Strike
from navarch.simulator.client import SimulatedCloudClient, Simulator
from navarch.simulator.guests import Ask, Guests, Reply
from navarch.simulator.process import Desk, listen


class ProcessStage(SimulatedStage):
    """As its base, where time passes when it is asked to. Each cloud is a client, each misbehaviour has a socket."""

    def __init__(self, loop: asyncio.AbstractEventLoop, folder: Path) -> None:
        super().__init__()
        self._loop, self._folder = loop, folder
        self._guests = Guests(self.region, _nobody_asks)
        self._servers: list[asyncio.AbstractServer] = []
        self._clients: list[Simulator] = []

    def cloud(self) -> Cloud:
        return self._struck(lambda request: None)

    async def close(self) -> None:
        for client in self._clients:
            client.close()
        for server in self._servers:
            server.close()
        await asyncio.sleep(0.1)  # for the connections' ends to be read

    def _struck(self, strike: Callable[[Request], Strike | None]) -> Cloud:
        place = str(self._folder / uuid4().hex[:8])
        listening = listen(place, Desk(self.region, self._guests, strike), None)
        self._servers.append(asyncio.run_coroutine_threadsafe(listening, self._loop).result(5))
        self._clients.append(Simulator(place))
        return SimulatedCloudClient(self._clients[-1], Endpoint("https://simulator.invalid/v3", "RegionOne"))


@contextmanager
def stage() -> Iterator[ProcessStage]:
    """The stage, with a thread in which its sockets are served."""
    loop, folder = asyncio.new_event_loop(), Path(tempfile.mkdtemp(prefix="navarch-sim-"))
    thread = threading.Thread(target=loop.run_forever, name="simulator", daemon=True)
    thread.start()
    built = ProcessStage(loop, folder)
    try:
        yield built
    finally:
        asyncio.run_coroutine_threadsafe(built.close(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()
        shutil.rmtree(folder)


def _nobody_asks(ask: Ask, then: Callable[[Reply], None]) -> None:
    return None
