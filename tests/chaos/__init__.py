"""Navarch against a simulated cloud that misbehaves, in virtual time: the same seed gives the same run.

    python -m tests.chaos --runs 10000      the long run; writes what docs/reliability.md shows
    python -m tests.chaos --seed 17         one run again, with a log of what happened to which object
    python -m tests.chaos --mutations       deliberate faults in Navarch's own code, each of which must be caught

Everything of Navarch's runs as it is: worker, plan, join endpoint, PostgreSQL with its own SQL. Simulated are the
cloud, the machines, Kubernetes, and time.
"""
