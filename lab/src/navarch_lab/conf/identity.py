"""keystone, placement and glance."""

from navarch_lab.conf.ini import Context, Ini
from navarch_lab.topology import APIS


def keystone(context: Context) -> Ini:
    data = context.layout.data / "keystone"
    return context.shared() | {
        "DEFAULT": {
            "public_endpoint": APIS["keystone"].public_url.removesuffix("/v3"),
            "max_token_size": 512,
            "log_dir": "",
        },
        "database": context.database("keystone"),
        "token": {"provider": "fernet", "expiration": 86400},
        "fernet_tokens": {"key_repository": str(data / "fernet-keys")},
        "fernet_receipts": {"key_repository": str(data / "fernet-keys")},  # else one below /etc has to be there
        "credential": {"key_repository": str(data / "credential-keys")},
        # The default costs a quarter of a second of CPU for every login; nothing here is worth guessing for.
        "identity": {"password_hash_rounds": 4},
        "cache": {"enabled": True, "backend": "dogpile.cache.memory"},
    }


def placement(context: Context) -> Ini:
    return context.shared() | {
        "DEFAULT": {},
        "placement_database": context.database("placement"),
        "api": {"auth_strategy": "keystone"},
        "keystone_authtoken": context.authtoken("placement"),
    }


def glance(context: Context) -> Ini:
    data = context.layout.data / "glance"
    return context.shared() | {
        "DEFAULT": {
            "enabled_backends": "fs:file",
            "transport_url": context.transport_url,
            "public_endpoint": APIS["glance"].public_url,
        },
        "database": context.database("glance"),
        "fs": {"filesystem_store_datadir": str(data / "images")},
        "glance_store": {"default_backend": "fs"},
        "paste_deploy": {
            "flavor": "keystone",
            "config_file": f"{context.installed.venv}/etc/glance/glance-api-paste.ini",
        },
        "keystone_authtoken": context.authtoken("glance"),
        "os_glance_staging_store": {"filesystem_store_datadir": str(data / "staging")},
        "os_glance_tasks_store": {"filesystem_store_datadir": str(data / "tasks")},
    }
