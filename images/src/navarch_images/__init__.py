"""The Kubernetes bundle and the node image.

Belongs here: what is built (releases/), how Go modules become programs, programs become container images, and both
become one Debian tree that boots. Does not belong here: anything about clusters; a node learns that from the service
that made it, through `node_program`.
"""
