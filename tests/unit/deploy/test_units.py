"""The units for systemd: what all services are kept from."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "deploy/systemd"
UNITS = sorted(path.name for path in FOLDER.glob("*.service"))


def settings(unit: str) -> list[str]:
    section = (FOLDER / unit).read_text().partition("[Service]")[2].partition("[Install]")[0]
    return [line for line in section.splitlines() if "=" in line and not line.startswith("#")]


def test_all_services_are_kept_from_the_same() -> None:
    own = ("ExecStart", "MemoryMax", "TimeoutStopSec", "CPUWeight", "User", "InaccessiblePaths")
    api, *others = (set(settings(f"navarch-{role}.service")) for role in ("api", "worker", "console"))
    for other in others:
        assert {line for line in api ^ other if not line.startswith(own)} == set()


@pytest.mark.parametrize("unit", UNITS)
def test_a_thousand_idle_connections_do_not_lock_everybody_out(unit: str) -> None:
    (limit,) = (int(line.partition("=")[2]) for line in settings(unit) if line.startswith("LimitNOFILE="))
    assert limit >= 65536


@pytest.mark.parametrize("unit", UNITS)
def test_nothing_secret_is_left_in_a_core_file_or_for_others_to_read(unit: str) -> None:
    assert {"LimitCORE=0", "UMask=0077", "PrivateTmp=yes"} <= set(settings(unit))


def test_the_api_and_the_worker_cannot_read_each_others_keys() -> None:
    api, worker = (
        dict(line.split("=", 1) for line in settings(f"navarch-{role}.service")) for role in ("api", "worker")
    )
    assert api["User"] != worker["User"]
    for one, other in ((api, worker), (worker, api)):
        folder = one["ExecStart"].split("--config ")[1].rpartition("/navarch.toml")[0]
        assert other["InaccessiblePaths"] == f"-{folder}"
