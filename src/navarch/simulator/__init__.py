"""A simulated region as a whole: the cloud, the machines that boot in it, and the clusters they become.

Belongs here: what a machine does once it runs (`guests`), Kubernetes as far as Navarch reads it and what its
controllers make (`kubernetes`), the add-ons' contract on both (`clusters`), all of it as a process of its own
(`process`, with `wire` and `client`, `knocking` at Navarch's door, and a small `keystone`). Does not: OpenStack's rules
(`navarch.clouds.simulator`), what Navarch does about any of it.

Nothing here reads a clock or makes a thread but `process` and `knocking`, which let a region run by itself.
"""
