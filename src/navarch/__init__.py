"""Navarch: Kubernetes as a service for OpenStack clouds."""

__version__ = "0.1.0"
