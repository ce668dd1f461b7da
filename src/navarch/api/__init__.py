"""The HTTP service: native API, Keystone identity, policy, and the machines' join endpoint.

Belongs here: parsing requests into specs, admission, answers. Does not belong: clouds, add-ons, waiting for either.
"""
