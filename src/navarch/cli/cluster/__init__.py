"""`navarch cluster …`: one module a concern; what each needs beyond Typer it imports when it runs."""

from navarch.cli.cluster import access, change, create, history, inside, life, objects, show
from navarch.cli.options import new_app

app = new_app("Create, show, change and delete clusters.")
for part in (create, show, objects, inside, change, life, access, history):
    part.register(app)
