"""The module of each kind of object. To add a kind, add its module here."""

from navarch.clouds.openstack import balancers, networks, ports, security_groups, servers, volumes

_MODULES = (networks, security_groups, ports, volumes, servers, balancers)
HANDLERS = tuple(handler for module in _MODULES for handler in module.HANDLERS)
BY_KIND = {handler.kind: handler for handler in HANDLERS}
ENSURE = {step: ensure for handler in HANDLERS for step, ensure in handler.ensure.items()}
