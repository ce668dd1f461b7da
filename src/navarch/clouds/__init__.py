"""Clouds: the contract, and the clouds that keep it.

Belongs here: everything that speaks to a cloud, in that cloud's own words. Does not belong: decisions about what a
cluster needs (that is `domain.plan`), PostgreSQL, Kubernetes.
"""
