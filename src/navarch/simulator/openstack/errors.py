"""In which document each service tells that it refuses."""

from navarch.simulator.openstack.messages import Json, Refused

_FAULTS = {  # Nova's and Cinder's names of what went wrong, by status
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
}
TITLES = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    406: "Not Acceptable", 409: "Conflict", 413: "Request Entity Too Large", 429: "Too Many Requests",
    500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable",
}  # fmt: skip


def document(service: str, refused: Refused) -> Json:
    """The body of the answer."""
    status, message = refused.status, refused.message
    if status == 401 or service == "identity":
        return {"error": {"code": status, "message": message, "title": TITLES.get(status, "")}}
    if service == "network":
        return {"NeutronError": {"type": refused.kind or "NeutronException", "message": message, "detail": ""}}
    if service == "load-balancer":
        return {"faultcode": "Client" if status < 500 else "Server", "faultstring": message, "debuginfo": None}
    if service == "image":
        return {"message": message, "code": f"{status} {TITLES.get(status, '')}", "title": TITLES.get(status, "")}
    fault = _FAULTS.get(status, "computeFault" if service == "compute" else "volumeFault")
    return {fault: {"code": status, "message": message}}
