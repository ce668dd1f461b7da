"""nova: one file for the API, conductor and scheduler, one without databases for the compute hosts, one per host."""

from navarch_lab.conf.ini import Context, Ini, Section
from navarch_lab.topology import HOST_DISK_GIB, HOST_MEMORY_MIB, HOST_VCPUS, HOSTS, REGION


def nova(context: Context) -> dict[str, Ini]:
    """File name -> content, below etc/nova."""
    layout = context.layout
    own: dict[str, Section] = {
        "DEFAULT": {
            "transport_url": context.transport_url,
            "state_path": str(layout.data / "nova"),
            "my_ip": "127.0.0.1",
            "compute_driver": "navarch_nspawn.NspawnDriver",
            "osapi_compute_workers": 1,
            "report_interval": 5,
            # A host is called down after this many seconds without a report, so a stopped host is noticed in tests.
            "service_down_time": 20,
            "periodic_fuzzy_delay": 0,
            "block_device_allocate_retries_interval": 1,
            "vif_plugging_timeout": 60,
            "vif_plugging_is_fatal": True,
            "sync_power_state_interval": 10,
            "rpc_response_timeout": 30,
            # Machines that ran when the lab was stopped come back with it.
            "resume_guests_state_on_host_boot": True,
            "reserved_host_memory_mb": 0,
            "initial_cpu_allocation_ratio": "4.0",
            "initial_ram_allocation_ratio": "1.0",
            "initial_disk_allocation_ratio": "4.0",
        },
        "wsgi": {"api_paste_config": f"{context.installed.venv}/etc/nova/api-paste.ini"},
        "api": {"auth_strategy": "keystone", "local_metadata_per_cell": False},
        "keystone_authtoken": context.authtoken("nova"),
        "service_user": context.user("nova") | {"send_service_user_token": True},
        "placement": context.user("placement"),
        "neutron": context.user("neutron")
        | {"service_metadata_proxy": True, "metadata_proxy_shared_secret": context.passwords["metadata"]},
        # A volume is attached only in its own zone, as on a public cloud.
        "cinder": context.user("cinder")
        | {"catalog_info": "volumev3:cinder:internalURL", "os_region_name": REGION, "cross_az_attach": False},
        "glance": context.user("glance"),
        "keystone": context.user("nova"),
        "scheduler": {"discover_hosts_in_cells_interval": 5, "workers": 1},
        "conductor": {"workers": 1},
        "filter_scheduler": {
            "enabled_filters": "ComputeFilter,ComputeCapabilitiesFilter,ImagePropertiesFilter,"
            "ServerGroupAntiAffinityFilter,ServerGroupAffinityFilter",
            # Else a little more free memory on a host outweighs what the customer asked for.
            "soft_anti_affinity_weight_multiplier": "100.0",
            "soft_affinity_weight_multiplier": "100.0",
            # A machine that a test lets fail would turn all later ones away from its host: by default this outweighs
            # everything else ten thousandfold.
            "build_failure_weight_multiplier": "0.0",
        },
        "vnc": {"enabled": False},
        "compute": {"resource_provider_association_refresh": 60},
        "nspawn": {
            "base_dir": str(layout.machines),
            "image_dir": str(layout.root_disks),
            "ovs_db": f"unix:{layout.ovs_socket}",
            "vcpus": HOST_VCPUS,
            "memory_mb": HOST_MEMORY_MIB,
            "local_gb": HOST_DISK_GIB,
        },
    }
    everywhere: Ini = context.shared() | own
    databases: Ini = {
        "api_database": context.database("nova_api"),
        "database": context.database("nova_cell1"),
    }
    hosts: dict[str, Ini] = {
        f"{host}.conf": {"DEFAULT": {"host": host, "state_path": str(layout.data / f"nova-{host}")}} for host in HOSTS
    }
    # A compute host that sees a database refuses to start: it must go through the conductor.
    return {"nova.conf": {**everywhere, **databases}, "compute.conf": everywhere, **hosts}
