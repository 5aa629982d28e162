"""IMAP: a mailbox that is read by UID, with time limits, and never emptied. Blocking."""
