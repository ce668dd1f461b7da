"""Drivers that stand where hardware would be. Unmodified OpenStack services load them; nothing else of the lab's own
runs in them.

Install with `pip install --no-deps lab/plugins` (not editable) into the services' virtual environment, then:

nova-compute
    `[DEFAULT] compute_driver = navarch_nspawn.NspawnDriver`, options in `[nspawn]` (driver.py). Start it with
    `nsenter --net=/run/netns/navarch-lab nova-compute ...`, **not** with `ip netns exec`: that gives the process mounts
    of its own, so it would see no cgroups and other processes would not see the machines' root file systems.
cinder-volume
    `[z1] volume_driver = navarch_lab_plugins.cinder_file.FileDriver`, `navarch_volume_dir = <folder>`, one section a
    zone.
neutron
    `[ml2] mechanism_drivers = navarch_hosts,ovn`, `[navarch_lab] host_map = cmp1:lab,cmp2:lab` (nova host:hostname of
    the OVN chassis) and `gateway_mtu = False`.

`faults` (power cuts, cut cables) and `sweep` (remove whatever is left of machines) import nothing of OpenStack and work
while every service is down.
"""
