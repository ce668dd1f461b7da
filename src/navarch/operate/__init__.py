"""What operators do with an installation beside running it: explain a cluster, pause, make keys, read figures.

Belongs here: commands on the store and the settings. Does not belong: how processes are put together (`main`).
"""
