"""Navarch: Kubernetes as a service for OpenStack clouds."""
