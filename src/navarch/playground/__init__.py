"""A whole Navarch before a simulated cloud, for trying it (`make play`) and for measuring it (`make scale`).

Belongs here: the processes of such a region, their settings. Does not belong: what is simulated (`navarch.simulator`).
"""
