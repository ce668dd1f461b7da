"""What can be asked of Navarch: create, change and delete clusters and node groups, issue kubeconfigs, follow changes.

Belongs here: what every API does with a request once it is known who asks: the wish with the text of each field,
merging, admission against offer and quota, idempotency, the note in the timeline, dry runs as values. Does not belong:
HTTP, how a caller is authenticated and allowed (`api`), what is done about a wish (`reconcile`).
"""
