"""swift, which speaks S3 as well: one device, one copy of everything, one process for each of its four servers."""

from navarch_lab.conf.ini import Context, Ini
from navarch_lab.topology import APIS, MEMCACHED_PORT, OBJECT_SERVERS, REGION

_DEVICE = "disk"

RINGS = f"""\
import sys
from swift.common.ring import RingBuilder

folder, *servers = sys.argv[1:]
for server in servers:
    name, port = server.split("=")
    ring = RingBuilder(1, 1, 1)  # two partitions, one copy, an hour between two moves of a partition
    ring.add_dev({{"id": 0, "region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port), "device": "{_DEVICE}",
                  "weight": 1, "meta": ""}})
    ring.rebalance(seed="0")
    ring.get_ring().save(f"{{folder}}/{{name}}.ring.gz")
"""
"""A program of its environment that writes which server has what: FOLDER NAME=PORT…"""


def swift(context: Context) -> dict[str, Ini]:
    """File -> its sections. Those of paste are in the order in which a request goes through them."""
    folder = context.layout.etc / "swift"
    devices = context.layout.data / "swift"
    common: dict[str, str | int | bool] = {
        "bind_ip": "127.0.0.1",
        "workers": 0,  # none beside the process itself
        "user": "root",
        "swift_dir": str(folder),
    }
    servers: dict[str, Ini] = {
        f"{name}.conf": {
            "DEFAULT": common
            | {"bind_port": port, "devices": str(devices), "mount_check": False, "disable_fallocate": True},
            "pipeline:main": {"pipeline": f"{name}-server"},
            f"app:{name}-server": {"use": f"egg:swift#{name}"},
        }
        for name, port in OBJECT_SERVERS.items()
    }
    filters: Ini = {
        "catch_errors": {"use": "egg:swift#catch_errors"},
        "healthcheck": {"use": "egg:swift#healthcheck"},
        "cache": {"use": "egg:swift#memcache", "memcache_servers": f"127.0.0.1:{MEMCACHED_PORT}"},
        "authtoken": context.authtoken("swift")
        | {"paste.filter_factory": "keystonemiddleware.auth_token:filter_factory", "delay_auth_decision": True},
        # A signature names a region; clients take another one for a mistake.
        "s3api": {"use": "egg:swift#s3api", "location": REGION, "s3_acl": False},
        # It would read secrets to remember them from Keystone's public address, which it is given no CA for.
        "s3token": context.user("swift")
        | {
            "use": "egg:swift#s3token",
            "auth_uri": APIS["keystone"].internal_url,
            "delay_auth_decision": True,
            "secret_cache_duration": 0,
        },
        "keystoneauth": {"use": "egg:swift#keystoneauth", "operator_roles": "admin, member"},
        "copy": {"use": "egg:swift#copy"},
        "bulk": {"use": "egg:swift#bulk"},
        "slo": {"use": "egg:swift#slo"},
        "dlo": {"use": "egg:swift#dlo"},
    }
    proxy: Ini = {
        "DEFAULT": common | {"bind_port": APIS["swift"].port},
        "pipeline:main": {"pipeline": " ".join((*filters, "proxy-server"))},
        "app:proxy-server": {"use": "egg:swift#proxy", "account_autocreate": True},
        **{f"filter:{name}": section for name, section in filters.items()},
    }
    shared: Ini = {
        "swift-hash": {"swift_hash_path_suffix": "navarch-lab"},
        "storage-policy:0": {"name": "one-copy", "default": True},
    }
    return {"swift.conf": shared, "proxy.conf": proxy, **servers}


def device(context: Context) -> str:
    """The folder that is its one device."""
    return str(context.layout.data / "swift" / _DEVICE)
