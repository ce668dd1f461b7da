"""The worker: claim, observe, plan, act, judge, write once.

Belongs here: the loop and how each step is carried out against the contracts. Does not belong: what to do (that is
`domain.plan`), SDKs.
"""
