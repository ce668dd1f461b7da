"""The console: web pages of what the HTTP API can do, for people. A page is a folder of `pages`: its routes and its
templates.

Belongs here: sessions, HTML, what a browser is told. Does not: anything that the API cannot be asked for. It speaks
HTTP with the person's own token and holds no rights of its own; so whatever it can do, a program can.
"""
