"""What a setting's value has to be beside its type: one line for each setting that has bounds."""

import re
from collections.abc import Callable
from ipaddress import IPv4Network, ip_network


def wrong(setting: str, value: object) -> str | None:
    """What is wrong with the value of `section.key`, which has the right type; None: nothing."""
    check = _CHECKS.get(setting)
    return check(value) if check is not None else None


def listen_address(text: str) -> tuple[str, int] | None:
    """`HOST:PORT` taken apart; None for the empty text. Raises ValueError."""
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"must be HOST:PORT or empty, got {text!r}")
    return host.strip("[]"), int(port)


def _between(least: int, most: int) -> Callable[[object], str | None]:
    def check(value: object) -> str | None:
        fits = isinstance(value, int) and least <= value <= most
        return None if fits else f"must be between {least} and {most}, got {value}"

    return check


def _listen(value: object) -> str | None:
    try:
        listen_address(str(value))
    except ValueError as error:
        return str(error)
    return None


def _cidrs(value: object) -> str | None:
    """As Neutron gives them back, so that a rule is found again."""
    bad = [text for text in value if not _is_cidr(text)] if isinstance(value, tuple) else []
    return f"must be IPv4 ranges such as 198.51.100.10/32, got {', '.join(map(repr, bad))}" if bad else None


def _networks(value: object) -> str | None:
    bad = [text for text in value if not _is_network(text)] if isinstance(value, tuple) else []
    return f"must be addresses or ranges such as 198.51.100.10, got {', '.join(map(repr, bad))}" if bad else None


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def _is_cidr(text: str) -> bool:
    try:
        return str(IPv4Network(text)) == text
    except ValueError:
        return False


def _origin(value: object) -> str | None:
    """Scheme, host and port alone: what browsers send as Origin, and where a registry's API begins."""
    fits = not value or re.fullmatch(r"https://[^/?#@\s]+", str(value))
    return None if fits else f"must be https://HOST or https://HOST:PORT or empty, got {value!r}"


def _price(value: object) -> str | None:
    return None if value == "" or _is_price(str(value)) else f'must be a price such as "0.042" or empty, got {value!r}'


def _prices(value: object) -> str | None:
    entries = value if isinstance(value, tuple) else ()
    bad = [text for text in entries if not text.rpartition("=")[0] or not _is_price(text.rpartition("=")[2])]
    return f"must be NAME=PRICE such as m1.small=0.042, got {', '.join(map(repr, bad))}" if bad else None


def _is_price(text: str) -> bool:
    return re.fullmatch(r"\d{1,12}(\.\d{1,12})?", text) is not None


_IMAGE_HOST = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:\d+)?")


def _image_hosts(value: object) -> str | None:
    """As they stand in names of images; each is a folder on every machine."""
    bad = [text for text in value if not _IMAGE_HOST.fullmatch(text)] if isinstance(value, tuple) else []
    return f"must be hosts such as docker.io, got {', '.join(map(repr, bad))}" if bad else None


_CHECKS: dict[str, Callable[[object], str | None]] = {
    "api.port": _between(1, 65535),
    "api.metrics_listen": _listen,
    "api.machines_port": _between(1, 65535),
    "api.balancers": _networks,
    "api.kubeconfig_hours": _between(8, 720),
    "console.port": _between(1, 65535),
    "console.public_url": _origin,
    "console.session_hours": _between(1, 168),
    "prices.flavor_hour": _prices,
    "prices.volume_gib_month": _prices,
    "prices.balancer_hour": _price,
    "prices.floating_address_hour": _price,
    "database.pool_size": _between(1, 1000),
    "cloud.volumes_per_machine": _between(0, 256),
    "images.registry": _origin,
    "images.mirrors": _image_hosts,
    "worker.threads": _between(1, 1000),
    "worker.calls": _between(1, 1000),
    "worker.upgrades_spread_minutes": _between(0, 1440),
    "worker.api_source_cidrs": _cidrs,
    "worker.metrics_listen": _listen,
}
