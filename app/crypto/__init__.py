"""Encryption of stored secrets. Imports nothing of ours; any layer may import it."""
