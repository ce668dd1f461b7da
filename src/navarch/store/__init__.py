"""The store: PostgreSQL and nothing else.

Belongs here: the schema with its checks, migrations, named SQL, the claim with lease and fencing, the contract that
`api` and `reconcile` program against. Does not belong: decisions. Secrets arrive here sealed and leave sealed.
"""
