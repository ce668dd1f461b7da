"""The stage on a simulated OpenStack behind a socket: HTTPS, with faults that are hung-up connections."""

import asyncio
import shutil
import socket
import tempfile
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from tests.contract.simulated import SimulatedStage

from navarch.clouds.contract import Cloud
from navarch.clouds.openstack import OpenStackCloud, OpenStackSettings
from navarch.operate.keys import make_certificates
from navarch.simulator.openstack.about import About
from navarch.simulator.openstack.faults import Strike, Striker
from navarch.simulator.openstack.server import Server

_HOST = "127.0.0.1"


class ProcessStage(SimulatedStage):
    """As its base, where time passes when it is asked to."""

    def __init__(self, folder: Path, listener: socket.socket) -> None:
        super().__init__(f"https://{_HOST}:{listener.getsockname()[1]}")
        make_certificates(folder, (_HOST,))
        self.settings = replace(self.settings, ca_file=str(folder / "ca.crt"))
        self._strike: Striker | None = None
        server = Server(self.services, strike=self._struck)
        self.serving = server.serve(listener, folder / "api.crt", folder / "api.key")
        self._clouds: list[OpenStackCloud] = []

    def close(self) -> None:
        for cloud in self._clouds:
            cloud.close()

    @contextmanager
    def misbehaving(self, strike: Striker) -> Iterator[None]:
        """Within it, these faults hit requests."""
        self._strike = strike
        try:
            yield
        finally:
            self._strike = None

    def _struck(self, what: About) -> Strike | None:
        return self._strike(what) if self._strike is not None else None

    def _cloud(self, settings: OpenStackSettings, strike: Striker | None) -> Cloud:
        self._clouds.append(OpenStackCloud(settings, clock=self.timeline.date))
        return self._clouds[-1] if strike is None else cast(Cloud, Misbehaving(self, self._clouds[-1], strike))


class Misbehaving:
    """A cloud that misbehaves whenever it is asked."""

    def __init__(self, stage: ProcessStage, cloud: Cloud, strike: Striker) -> None:
        self._stage, self._cloud, self._strike = stage, cloud, strike

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._cloud, name)

        def misbehave(*given: Any, **more: Any) -> Any:
            with self._stage.misbehaving(self._strike):
                return asked(*given, **more)

        return misbehave


async def _until(ended: asyncio.Event, serving: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(serving)
    await ended.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@contextmanager
def stage() -> Iterator[ProcessStage]:
    """The stage, with a thread in which its services are served."""
    loop, folder = asyncio.new_event_loop(), Path(tempfile.mkdtemp(prefix="navarch-sim-"))
    thread = threading.Thread(target=loop.run_forever, name="simulator", daemon=True)
    thread.start()
    with socket.create_server((_HOST, 0)) as listener:
        built = ProcessStage(folder, listener)
        ended = asyncio.Event()
        serving = asyncio.run_coroutine_threadsafe(_until(ended, built.serving), loop)
        try:
            yield built
        finally:
            built.close()
            loop.call_soon_threadsafe(ended.set)
            serving.result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(5)
            loop.close()
            shutil.rmtree(folder)
