"""Add-ons: what Navarch keeps running inside a cluster, and the one client that speaks to its Kubernetes API.

Belongs here: the add-ons (one folder each in `packages`, found by `catalogue`), server-side apply, reading nodes,
drain. Does not belong: decisions when to apply (that is `domain.plan`).
"""
