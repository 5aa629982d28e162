"""Entry point of `python -m tools.docs`, which writes the reference pages and diagrams."""

from tools.docs.generate import main

main()
