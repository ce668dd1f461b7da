"""A simulated region as a whole: the cloud, the machines that boot in it, and the clusters they become.

Belongs here: OpenStack's APIs (`openstack`), and a region in which Navarch was installed (`installed`); what a machine
does once it runs (`guests`), Kubernetes as far as Navarch reads it (`kubernetes`) and what its controllers make in the
cloud (`controllers`), the add-ons' contract on both (`clusters`); all of it as a process of its own (`process`, with
`wire` and `client`, and `join_client` at Navarch's door). Does not: what Navarch does about any of it.

Nothing here reads a clock or makes a thread but `process` and `join_client`, which let a region run by itself.
"""
