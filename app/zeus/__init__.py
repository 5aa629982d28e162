"""Protocol of Zeus: parameters, statuses, stores, error codes, applications and mails.

Pure code without settings, clock or I/O. Any layer above may import it; nothing else knows Zeus's
codes.
"""
