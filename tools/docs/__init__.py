"""Generators of the reference pages: `make reference` runs `python -m tools.docs`."""
