"""Life of an order: what follows from its facts, from silence and from decisions.

Pure code without settings, clock or I/O. Judging and operations import it.
"""
