"""How long an installation of each entry takes on a real cluster, and what it takes of it."""
