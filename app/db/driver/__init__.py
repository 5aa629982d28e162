"""The driver asyncpg: its arguments, poolers behind it, and statements straight on it."""
