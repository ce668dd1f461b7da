"""The region's registry of container images: CNCF distribution, as `navarch-images` builds it."""

from navarch_lab.layout import Layout
from navarch_lab.topology import REGISTRY_PORT, SERVICE_ADDRESS


def config(layout: Layout) -> str:
    """Its configuration: everybody pulls, over the TLS of the lab's endpoints; the password is for those who push."""
    certificate = layout.etc / "haproxy" / "server.pem"
    return f"""\
version: 0.1
log:
  level: warn
  accesslog:
    disabled: true
storage:
  filesystem:
    rootdirectory: {layout.data / "registry"}
  delete:
    enabled: false
auth:
  readers:
    password_file: {layout.registry_password_file}
http:
  addr: {SERVICE_ADDRESS}:{REGISTRY_PORT}
  tls:
    certificate: {certificate}
    key: {certificate}
"""
