"""A real object store on the loopback: Swift of the lab's environment, which speaks S3, with one user of its own."""

import os
import platform
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config
from tests.integration.kube_apiserver import _free_ports

from navarch_lab.conf.ini import Ini, render
from navarch_lab.conf.objects import RINGS
from navarch_lab.install import lock_file, venv_path

REGION = "here"
BUCKET = "logs"
_CACHE = Path(os.environ.get("NAVARCH_CACHE", "/var/cache/navarch"))


class ObjectStore:
    """On its folder and at its address whenever it runs. Its folder has to be on a file system with attributes."""

    def __init__(self, folder: Path, certificate: dict[str, str] | None = None) -> None:
        """`certificate`: server.crt and server.key; without them it speaks HTTP."""
        self.bin = venv_path(_CACHE, lock_file().read_text()) / "bin"
        if not self.bin.is_dir():
            raise RuntimeError(
                f"Swift is needed, of the lab for Python {platform.python_version()}: navarch-lab install"
            )
        self.folder, self.log = folder, folder / "store.log"
        self.access, self.secret = "test:logs", secrets.token_hex(16)
        ports = dict(zip(("account", "container", "object", "proxy"), _free_ports(4), strict=True))
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{ports['proxy']}"
        self._ports = ports
        (folder / "devices" / "disk").mkdir(parents=True)
        for name, content in (certificate or {}).items():
            (folder / name).write_text(content)
        for name, ini in self._configuration(with_tls=certificate is not None).items():
            (folder / name).write_text(render(ini))
        servers = [f"{name}={port}" for name, port in ports.items() if name != "proxy"]
        subprocess.run([self.bin / "python", "-c", RINGS, folder, *servers], check=True, timeout=120)
        self.client: Any = boto3.client(
            "s3", endpoint_url=self.url, region_name=REGION, aws_access_key_id=self.access,
            aws_secret_access_key=self.secret, config=Config(s3={"addressing_style": "path"}, proxies={}),
            verify=False if certificate is None else str(folder / "ca.crt"),
        )  # fmt: skip

    @contextmanager
    def running(self) -> Iterator[None]:
        with ExitStack() as all_of_it:
            for name in self._ports:
                all_of_it.enter_context(self._server(name))
            end = time.monotonic() + 120
            while not self._answers():
                if time.monotonic() > end:
                    raise RuntimeError(f"Swift does not run:\n{self.log.read_text()[-3000:]}")
                time.sleep(0.2)
            yield

    def held(self) -> dict[str, bytes]:
        """What is in the bucket, by its name."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
        return {key: self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}

    @contextmanager
    def _server(self, name: str) -> Iterator[None]:
        argv = [str(self.bin / f"swift-{name}-server"), str(self.folder / f"{name}.conf"), "-v"]
        with self.log.open("ab") as output:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)

    def _answers(self) -> bool:
        try:
            said = httpx.get(f"{self.url}/healthcheck", trust_env=False, verify=False)
            return said.status_code == 200 and self._servers_answer()
        except httpx.TransportError:
            return False

    def _servers_answer(self) -> bool:
        others = [port for name, port in self._ports.items() if name != "proxy"]
        return all(
            httpx.get(f"http://127.0.0.1:{port}/recon/version", trust_env=False).status_code < 500 for port in others
        )

    def _configuration(self, *, with_tls: bool) -> dict[str, Ini]:
        """File -> its sections: as in the lab, but for users, who are in the proxy's own file."""
        common: dict[str, str | int | bool] = {
            "bind_ip": "127.0.0.1", "workers": 0, "user": "root", "swift_dir": str(self.folder),
        }  # fmt: skip
        servers: dict[str, Ini] = {
            f"{name}.conf": {
                "DEFAULT": common
                | {"bind_port": port, "devices": str(self.folder / "devices")}
                | {"mount_check": False, "disable_fallocate": True},
                "pipeline:main": {"pipeline": f"{name}-server"},
                f"app:{name}-server": {"use": f"egg:swift#{name}"},
            }
            for name, port in self._ports.items()
            if name != "proxy"
        }
        filters: Ini = {
            "catch_errors": {"use": "egg:swift#catch_errors"},
            "healthcheck": {"use": "egg:swift#healthcheck"},
            "s3api": {"use": "egg:swift#s3api", "location": REGION, "s3_acl": False},
            "tempauth": {"use": "egg:swift#tempauth", "user_test_logs": f"{self.secret} .admin"},
            "slo": {"use": "egg:swift#slo"},
        }
        tls = {"cert_file": f"{self.folder}/server.crt", "key_file": f"{self.folder}/server.key"} if with_tls else {}
        proxy: Ini = {
            "DEFAULT": common | {"bind_port": self._ports["proxy"]} | tls,
            "pipeline:main": {"pipeline": " ".join((*filters, "proxy-server"))},
            "app:proxy-server": {"use": "egg:swift#proxy", "account_autocreate": True},
            **{f"filter:{name}": section for name, section in filters.items()},
        }
        shared: Ini = {
            "swift-hash": {"swift_hash_path_suffix": "navarch-tests"},
            "storage-policy:0": {"name": "one-copy", "default": True},
        }
        return {"swift.conf": shared, "proxy.conf": proxy, **servers}
