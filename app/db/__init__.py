"""The database floor: tables, engine, wake-up, migrations and the embedded server."""
