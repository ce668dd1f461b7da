"""Checks that say what to fix: of a cloud with a customer's or an operator's eyes, and of an installation of Navarch.

Belongs here: what is asked of OpenStack and of an installation directly, and what each answer means. Does not belong:
clusters, and anything that changes something.
"""
