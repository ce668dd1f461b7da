"""cinder: one backend per volume type and zone."""

from navarch_lab.conf.ini import Context, Ini
from navarch_lab.topology import APIS, VOLUME_BACKENDS


def cinder(context: Context) -> Ini:
    layout = context.layout
    etc = context.installed.venv / "etc" / "cinder"
    data = layout.data / "cinder"
    helper = context.privsep(str(layout.etc / "cinder" / "cinder.conf"))
    sections: dict[str, dict[str, str | int | bool]] = {
        backend: {
            "volume_driver": "navarch_lab_plugins.cinder_file.FileDriver",
            "volume_backend_name": kind,
            "backend_availability_zone": zone,
            "navarch_volume_dir": str(layout.data / "volumes" / backend),
        }
        for backend, (kind, zone) in VOLUME_BACKENDS.items()
    }
    return context.shared() | {
        "DEFAULT": {
            "transport_url": context.transport_url,
            "auth_strategy": "keystone",
            "api_paste_config": str(etc / "api-paste.ini"),
            "rootwrap_config": str(etc / "rootwrap.conf"),
            "resource_query_filters_file": str(etc / "resource_filters.json"),
            "state_path": str(data),
            "enabled_backends": ",".join(VOLUME_BACKENDS),
            "default_volume_type": "ssd",
            "storage_availability_zone": "z1",
            "default_availability_zone": "z1",
            "allow_availability_zone_fallback": False,
            "my_ip": "127.0.0.1",
            "host": "volumes",
            "public_endpoint": APIS["cinder"].public_url.removesuffix("/v3"),
            "glance_api_servers": APIS["glance"].internal_url,
            "image_conversion_dir": str(data / "conversion"),
            # Backends report at once, so that the scheduler knows them as soon as they run.
            "periodic_fuzzy_delay": 0,
            "periodic_interval": 5,
            "backend_stats_polling_interval": 5,
            "osapi_volume_workers": 1,
        },
        **sections,
        "database": context.database("cinder"),
        "keystone_authtoken": context.authtoken("cinder"),
        "nova": context.user("nova") | {"interface": "internal"},
        "service_user": context.user("cinder") | {"send_service_user_token": True},
        "cinder_sys_admin": helper,
        "privsep_osbrick": helper,
        "coordination": {"backend_url": f"file://{data}/coordination"},
    }
