"""Navarch's filters against the real scheduler: made-up clusters and pods, one pod against one fixed state.

`cases` makes them up, `scheduler` asks kube-scheduler (no kubelet, no controller runs), `comparing` asks both.
`python -m tests.scheduling` tries thousands and writes docs/scheduling.md; tests/integration a few.
"""
