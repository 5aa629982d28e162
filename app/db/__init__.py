"""Database: connections, tables, migrations, errors and LISTEN/NOTIFY.

Any layer above may import it.
"""
