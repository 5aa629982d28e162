"""Applications to Zeus: the table, the HTTP client, and what follows from answers."""
