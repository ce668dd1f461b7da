"""haproxy in front of every API (TLS, and the faults tests ask for), and the lab's resolver."""

from pathlib import Path

from navarch_lab.layout import Layout
from navarch_lab.topology import APIS, SERVICE_ADDRESS

# One map entry per disturbed service: "delay=2.5,fail=503,rate=0.5". Written through the admin socket, so a fault
# begins and ends at once, for requests on connections already open too.
FAULTS_LUA = """\
core.register_action("navarch_fault", {"http-req"}, function(txn)
  local fault = txn:get_var("txn.fault") or ""
  local delay = tonumber(fault:match("delay=([%d.]+)"))
  local code = tonumber(fault:match("fail=(%d+)"))
  local rate = tonumber(fault:match("rate=([%d.]+)")) or 1
  if delay then core.msleep(math.floor(delay * 1000)) end
  if code and math.random() < rate then
    local reply = txn:reply()
    reply:set_status(code, "Fault of the lab")
    reply:add_header("content-type", "application/json")
    reply:set_body('{"error": {"code": ' .. code .. ', "message": "fault made by navarch-lab"}}')
    txn:done(reply)
  end
end)
"""


def faults_map(layout: Layout) -> Path:
    return layout.etc / "haproxy" / "faults.map"


def haproxy(layout: Layout) -> str:
    folder = layout.etc / "haproxy"
    text = f"""\
global
  log stdout format raw local0 warning
  maxconn 500
  nbthread 1
  stats socket {layout.haproxy_socket} mode 600 level admin
  lua-load {folder}/faults.lua
  ssl-default-bind-options ssl-min-ver TLSv1.2
  tune.ssl.default-dh-param 2048

defaults
  mode http
  log global
  option dontlognull
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 60s
"""
    for api in APIS.values():
        text += f"""
frontend {api.name}
  bind {SERVICE_ADDRESS}:{api.port} ssl crt {folder}/server.pem alpn http/1.1
  http-request set-var(txn.fault) str({api.name}),map({faults_map(layout)})
  http-request lua.navarch_fault if {{ var(txn.fault) -m found }}
  http-request set-header X-Forwarded-Proto https
  default_backend {api.name}

backend {api.name}
  option forwardfor
  retries 0
  server api 127.0.0.1:{api.port}
"""
    return text


def dnsmasq(layout: Layout, names: tuple[str, ...]) -> str:
    """A resolver that knows the lab's names and says at once that there are no others."""
    hosts = "".join(f"host-record={name},{SERVICE_ADDRESS}\n" for name in names)
    return f"""\
port=53
listen-address={SERVICE_ADDRESS}
bind-interfaces
no-resolv
no-hosts
no-poll
user=root
pid-file=
cache-size=0
{hosts}address=/#/
"""
