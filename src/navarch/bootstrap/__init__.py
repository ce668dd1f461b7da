"""Bootstrap: how a machine becomes a node.

Belongs here: the cluster's keys and certificates, kubeadm's configuration, the files and steps a machine gets when it
joins, join tickets, user-data, kubeconfigs. Pure but for randomness in keys. Does not belong: the cloud, the store.
"""
