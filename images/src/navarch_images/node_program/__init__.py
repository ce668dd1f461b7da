"""The program a machine runs to join its cluster.

It is copied into the image as one file, so it uses the standard library only.
"""
