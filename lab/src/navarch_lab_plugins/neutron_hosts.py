"""An ML2 mechanism driver that binds nothing and bends two answers of the OVN driver.

- Several nova hosts stand on one OVN chassis. OVN's driver asks determine_bind_host() which chassis a port's host is,
  in both places where it matters; `[navarch_lab] host_map` answers. The port keeps its own binding:host_id.
- `[navarch_lab] gateway_mtu = False` keeps the option gateway_mtu off router ports. OVN makes check_pkt_larger of it,
  which sees the 64 KiB segments of userspace TSO before they are cut and answers "fragmentation needed" (0.3 Mbit/s
  instead of gigabits). Only right where, as here, no tunnel is ever used.
"""

from typing import Any

from neutron.common.ovn import constants as ovn_constants
from neutron.common.ovn import utils as ovn_utils
from neutron.plugins.ml2.drivers.ovn.mech_driver.ovsdb import ovn_client
from neutron_lib.plugins.ml2 import api
from oslo_config import cfg

cfg.CONF.register_opts(
    [
        cfg.DictOpt("host_map", default={}, help="nova host:hostname of the OVN chassis it stands on, ..."),
        cfg.BoolOpt("gateway_mtu", default=True, help="Whether router ports get the option gateway_mtu."),
    ],
    group="navarch_lab",
)
_determine_bind_host = ovn_utils.determine_bind_host
_router_port_options = ovn_client.OVNClient._gen_router_port_options


def _mapped_bind_host(sb_idl: Any, port: Any, port_context: Any = None) -> Any:
    host = _determine_bind_host(sb_idl, port, port_context=port_context)
    return cfg.CONF.navarch_lab.host_map.get(host, host)


def _fewer_router_port_options(self: Any, context: Any, port: Any) -> Any:
    options = _router_port_options(self, context, port)
    if not cfg.CONF.navarch_lab.gateway_mtu:
        options.pop(ovn_constants.OVN_ROUTER_PORT_GW_MTU_OPTION, None)
    return options


class HostsMechanismDriver(api.MechanismDriver):  # type: ignore[misc]
    def initialize(self) -> None:
        ovn_utils.determine_bind_host = _mapped_bind_host
        ovn_client.OVNClient._gen_router_port_options = _fewer_router_port_options
