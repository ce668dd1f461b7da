from pathlib import Path

PAGE = Path("/tmp/x")


def page(r):
    return ""
