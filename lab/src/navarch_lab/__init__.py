"""A real OpenStack on one machine: the services unmodified, with the lab's own code only where hardware would be.

Belongs here: installing the services, starting, watching and stopping them, their configuration, the first identities
and resources, and the faults that tests ask for. Does not belong here: anything of Navarch itself (the lab never
imports it), and the code that runs inside the OpenStack services (that is `navarch_lab_plugins`).
"""
