"""`navarch doctor`: a cloud is checked before first use."""

from navarch.cli.options import new_app

app = new_app("Check a cloud before first use, and say what to fix.")


@app.command()
def doctor() -> None:
    """Check a cloud before first use, and say what to fix."""
