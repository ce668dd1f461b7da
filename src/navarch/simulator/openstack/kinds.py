"""Every kind of object: its service and the word of its paths there. Names are those of OpenStack's command line."""

PATHS = {
    ("identity", "domains"): "domain",
    ("identity", "projects"): "project",
    ("identity", "roles"): "role",
    ("identity", "users"): "user",
    ("identity", "OS-TRUST"): "trust",
    ("compute", "servers"): "server",
    ("compute", "os-server-groups"): "server group",
    ("compute", "flavors"): "flavor",
    ("network", "networks"): "network",
    ("network", "subnets"): "subnet",
    ("network", "routers"): "router",
    ("network", "ports"): "port",
    ("network", "security-groups"): "security group",
    ("network", "security-group-rules"): "security group rule",
    ("network", "floatingips"): "floating IP",
    ("block-storage", "volumes"): "volume",
    ("block-storage", "snapshots"): "snapshot",
    ("block-storage", "types"): "volume type",
    ("load-balancer", "loadbalancers"): "load balancer",
    ("load-balancer", "listeners"): "listener",
    ("load-balancer", "pools"): "pool",
    ("image", "images"): "image",
}
BELOW = ("member", "health monitor", "application credential")  # their paths begin with what they are part of
KINDS = (*PATHS.values(), *BELOW)
