"""neutron with ML2/OVN, its metadata agent, and octavia with the OVN provider."""

from navarch_lab.conf.ini import Context, Ini, Section
from navarch_lab.topology import APIS, CHASSIS, HOSTS, METADATA_PORT, PHYSICAL_NETWORK, SERVICE_ADDRESS

PRIVSEP_SECTIONS = (
    "privsep",
    "privsep_dhcp_release",
    "privsep_ovs_vsctl",
    "privsep_namespace",
    "privsep_conntrack",
    "privsep_link",
)


def _ovn(context: Context) -> dict[str, str]:
    return {
        "ovn_nb_connection": f"unix:{context.layout.nb_socket}",
        "ovn_sb_connection": f"unix:{context.layout.sb_socket}",
    }


def neutron(context: Context) -> Ini:
    return context.shared() | {
        "DEFAULT": {
            "transport_url": context.transport_url,
            "core_plugin": "ml2",
            "service_plugins": "ovn-router,qos,port_forwarding,network_ip_availability,auto_allocate,trunk",
            "state_path": str(context.layout.data / "neutron"),
            "api_paste_config": f"{context.installed.venv}/etc/neutron/api-paste.ini",
            "api_workers": 0,
            "rpc_workers": 0,
            "rpc_response_timeout": 5,
            "dns_domain": "lab.internal.",
            # nova waits for these events before it starts a machine.
            "notify_nova_on_port_status_changes": True,
            "notify_nova_on_port_data_changes": True,
            "send_events_interval": 1,
        },
        "database": context.database("neutron"),
        "keystone_authtoken": context.authtoken("neutron"),
        "nova": context.user("nova") | {"endpoint_type": "internal"},
        "placement": context.user("placement") | {"endpoint_type": "internal"},
        "ml2": {
            "type_drivers": "local,flat,geneve",
            "project_network_types": "geneve",
            "mechanism_drivers": "navarch_hosts,ovn",
            "extension_drivers": "port_security,qos",
            "overlay_ip_version": 4,
        },
        "ml2_type_flat": {"flat_networks": PHYSICAL_NETWORK},
        "ml2_type_geneve": {"vni_ranges": "1:65536", "max_header_size": 38},
        "securitygroup": {"enable_security_group": True},
        "ovn": _ovn(context)
        | {
            "ovn_metadata_enabled": True,
            "enable_distributed_floating_ip": False,
            "ovn_l3_scheduler": "leastloaded",
            # With the default, OVN translates the reply of a machine with a floating IP twice, and machines cannot
            # reach each other by floating IP.
            "ovn_router_indirect_snat": False,
            "neutron_sync_mode": "log",
            "dns_servers": SERVICE_ADDRESS,
        },
        "navarch_lab": {
            # OVN would turn this router option into a size check that userspace TSO's large segments fail.
            "gateway_mtu": False,
            "host_map": ",".join(f"{host}:{CHASSIS}" for host in HOSTS),
        },
    }


def metadata_agent(context: Context) -> Ini:
    etc = context.layout.etc / "neutron"
    helper: Section = context.privsep(str(etc / "neutron.conf"), str(etc / "metadata.ini"))
    return {
        "DEFAULT": {
            "transport_url": context.transport_url,
            "state_path": str(context.layout.data / "neutron"),
            "metadata_proxy_shared_secret": context.passwords["metadata"],
            "nova_metadata_host": "127.0.0.1",
            "nova_metadata_port": METADATA_PORT,
            "metadata_workers": 0,
        },
        "ovs": {"ovsdb_connection": f"unix:{context.layout.ovs_socket}"},
        "ovn": _ovn(context),
        "agent": {"extensions": "metadata", "root_helper": "", "root_helper_daemon": ""},
        **dict.fromkeys(PRIVSEP_SECTIONS, helper),
    }


def octavia(context: Context) -> Ini:
    return context.shared() | {
        "DEFAULT": {"transport_url": context.transport_url},
        "api_settings": {
            "bind_host": "127.0.0.1",
            "auth_strategy": "keystone",
            "enabled_provider_drivers": "ovn:OVN provider",
            "default_provider_driver": "ovn",
            "api_base_uri": APIS["octavia"].public_url,
        },
        "database": context.database("octavia"),
        "keystone_authtoken": context.authtoken("octavia"),
        "service_auth": context.user("octavia"),
        "neutron": context.user("octavia"),
        "nova": context.user("octavia") | {"endpoint_type": "internalURL"},
        "glance": context.user("octavia") | {"endpoint_type": "internalURL"},
        "cinder": context.user("octavia") | {"endpoint_type": "internalURL"},
        "oslo_messaging": {"topic": "octavia_prov"},
        "networking": {"allow_vip_network_id": True},
        "ovn": _ovn(context),
        "driver_agent": {
            "enabled_provider_agents": "ovn",
            "status_max_processes": 10,
            "stats_max_processes": 5,
            "get_max_processes": 10,
        },
        "task_flow": {"jobboard_enabled": False},
    }
