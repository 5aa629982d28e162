"""Mails as operators see them: hand in, list, show, heal."""
