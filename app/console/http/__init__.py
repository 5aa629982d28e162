"""HTTP side of the console: sign-in, sessions, CSRF, forms, headers, errors.

Imported by the console's pages and application.
"""
