"""Which role of the cluster each group of Navarch's kubeconfigs has."""

from navarch.addons.package import Package

ADDON = Package(__name__)
