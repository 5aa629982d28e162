"""Routes of the HTTP API, one module per resource.

Imported by the API's application.
"""
