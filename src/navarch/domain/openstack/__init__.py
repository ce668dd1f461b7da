"""OpenStack's share of the domain: what a cluster consists of there, which steps make it, and in which order.

Belongs here: kinds of object, steps on them, and the chapters of the plan that speak of them. Does not belong: which
machines there should be, and what is told of them (neutral), HTTP (`navarch.clouds.openstack`).
"""
