"""The program a machine runs to join its cluster. It is copied into the image as one file, with the standard library only."""
