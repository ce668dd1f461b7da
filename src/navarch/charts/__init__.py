"""Charts: what an entry of the catalogue is, its rendering by Helm's own engine, and what can be said of it without a
cluster.

Belongs here: a packed chart with its card, the process that renders, objects told apart and put into order, what
differs between two renderings. Does not belong: clusters and their APIs (`addons`), and when something is done
(`domain.plan`).
"""
