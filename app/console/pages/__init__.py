"""Pages of the console, one module each, with the forms they accept.

Imported by the console's application.
"""
