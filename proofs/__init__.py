"""Proofs that take a running cluster: `make proof-...`. Run before what they prove is published, not in CI."""
