"""Drivers that stand where hardware would be. Unmodified OpenStack services load them; nothing else of the lab's own
runs in them.

The package depends on nothing but what the services bring. With it on their Python path:

nova-compute
    `[DEFAULT] compute_driver = navarch_nspawn.NspawnDriver`, options in `[nspawn]` (driver.py). nova looks for drivers
    below nova.virt only, so a module `navarch_nspawn` there (or on its search path) imports driver.NspawnDriver.
    Start it with `nsenter --net=...`, **not** with `ip netns exec`: that gives the process mounts of its own, so it
    would see no cgroups and other processes would not see the machines' root file systems.
cinder-volume
    `[z1] volume_driver = navarch_lab_plugins.cinder_file.FileDriver`, `navarch_volume_dir = <folder>`, one section a
    zone.
neutron
    An entry point `navarch_hosts = navarch_lab_plugins.neutron_hosts:HostsMechanismDriver` in the group
    neutron.ml2.mechanism_drivers, `[ml2] mechanism_drivers = navarch_hosts,ovn`, `[navarch_lab] host_map =
    cmp1:lab,cmp2:lab` (nova host:hostname of the OVN chassis) and `gateway_mtu = False`.

`faults` (power cuts, cut cables) and `sweep` (remove whatever is left of machines) import nothing of OpenStack and work
while every service is down.
"""
