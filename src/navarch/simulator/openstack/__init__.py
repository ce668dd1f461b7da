"""OpenStack's HTTP APIs, simulated: Keystone, Nova, Neutron, Cinder, Octavia and Glance, as far as Navarch, its doctor,
the controllers in its clusters and OpenStack's own command line use them.

It has what makes OpenStack hard, because Navarch has to live with it: creates are not idempotent and names not unique;
servers, balancers and volumes come through states and may end in ERROR; what is in use refuses to go; a removal takes
time; quotas; lists that lag behind and come in pages. Where the real services and these differ, these are wrong.

`messages` is what is asked and answered, `region` the state of all services, `inventory` how objects are kept. Each
service is a package with a table of routes; `services` is the door to all of them, `transport` the way there within one
process, `server` the way there over the network. `faults` is what goes wrong on the way, request by request.

Nothing here knows Navarch, reads a clock or makes a thread but `server`: time is given, so that a test can let an hour
pass in a moment.
"""
