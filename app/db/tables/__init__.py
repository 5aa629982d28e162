"""SQLAlchemy tables, one module per noun.

Imports nothing here, so that the receiver starts without SQLAlchemy; import the module you need.
"""
