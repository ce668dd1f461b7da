"""Node groups that grow and shrink by themselves, on the lab: `python -m proofs.autoscaling`."""
