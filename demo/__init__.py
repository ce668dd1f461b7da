"""The demo: Navarch on the one-machine OpenStack, from nothing to a web page behind a balancer.

`make demo` runs `demo.story`; the end-to-end tests and benchmarks use `demo.stack` to have the same Navarch. Everything
goes through the public commands: navarch-lab, navarch-images, navarch-server, navarch, kubectl.
"""
