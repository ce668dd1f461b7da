"""What is done to a server by POST /servers/{id}/action."""

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Answer, Request, bad_request
from navarch.simulator.openstack.nova import lifecycle, servers
from navarch.simulator.openstack.region import Region

_ASIDE = {  # action: the state in which it is asked for (status), the state that it leads to (vm_state)
    "suspend": ("ACTIVE", "suspended"),
    "resume": ("SUSPENDED", "active"),
    "pause": ("ACTIVE", "paused"),
    "unpause": ("PAUSED", "active"),
    "shelve": ("ACTIVE", "shelved_offloaded"),  # at once, which is Nova's default
    "unshelve": ("SHELVED_OFFLOADED", "active"),
    "rescue": ("ACTIVE", "rescued"),
    "unrescue": ("RESCUE", "active"),
}


def act(region: Region, request: Request, server_id: str) -> Answer:
    """POST /servers/{id}/action."""
    server = servers.own(region, request, server_id)
    if not isinstance(request.body, dict) or len(request.body) != 1:
        raise bad_request("Malformed request body")
    (action,) = request.body
    if action in ("lock", "unlock"):
        server["locked"] = action == "lock"
        return Answer(202)
    if action != "os-getConsoleOutput":
        servers.check_lock(server)
    if action in _ASIDE:
        return _set_aside(region, server, action)
    match action:
        case "forceDelete":
            lifecycle.delete(region, server)
            return Answer(202)
        case "os-stop":
            return _switch(region, server, "stop", on=False)
        case "os-start":
            return _switch(region, server, "start", on=True)
        case "reboot":
            if server["OS-EXT-STS:task_state"] is not None or server["status"] not in ("ACTIVE", "SHUTOFF"):
                raise servers.wrong_state("reboot", server)
            lifecycle.switch(region, server, on=True)
            return Answer(202)
        case "os-getConsoleOutput":
            lines = (request.body[action] or {}).get("length")
            output = region.consoles.get(server_id, [])
            return Answer(200, {"output": "\n".join(output[-int(lines) :] if lines else output)})
    raise bad_request(f"There is no such action: {action}")


def _switch(region: Region, server: Object, action: str, *, on: bool) -> Answer:
    if server["status"] != ("SHUTOFF" if on else "ACTIVE") or server["OS-EXT-STS:task_state"] is not None:
        raise servers.wrong_state(action, server)
    lifecycle.switch(region, server, on=on)
    return Answer(202)


def _set_aside(region: Region, server: Object, action: str) -> Answer:
    """Have what runs on a server end, or begin again: what is in its memory is not simulated."""
    expected, leads_to = _ASIDE[action]
    if server["status"] != expected or server["OS-EXT-STS:task_state"] is not None:
        raise servers.wrong_state(action, server)
    lifecycle.enter(region, server, leads_to)
    region.tell("on" if leads_to == "active" else "off", server)
    return Answer(202)


ROUTES = (("POST", "/v2.1/servers/{id}/action", act),)
