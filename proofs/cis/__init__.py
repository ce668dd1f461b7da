"""A running cluster against the CIS Kubernetes Benchmark: `make proof-cis`, docs/cis.md.

`collect` reads files, arguments and objects; `machine_checks` and `cluster_checks` are tables of pure functions over
what was read; `report` says how each came out. Numbers are those of the benchmark's version 1.10, words are ours.
"""
