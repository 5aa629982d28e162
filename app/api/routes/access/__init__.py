"""Routes of access: tokens and the audit.

Imported by the application.
"""
