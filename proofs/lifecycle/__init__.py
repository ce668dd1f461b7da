"""A cluster's life on the lab's real machines, with its counts and times: `make proof-lifecycle`, docs/lifecycle.md.

`rollouts`, `repairs`, `sizes`, `broken`, `stops` and `kills` are the chapters; each makes a cluster by the command
`navarch` and deletes it. `scene` is what they have: Navarch on the lab, a customer. `probing` is a process that asks
ten times a second while something happens, `probers` starts and ends it, `asked` counts. `nodes` says what Kubernetes'
and etcd's answers mean, `results` what was measured, `page` writes it down.
"""
