"""Database URL parameters: tables of honoured, ignored and rejected ones."""

ALIASES = {
    "applicationname": "application_name",
    "connecttimeout": "connect_timeout",
    "currentschema": "search_path",
    "database": "dbname",
    "logintimeout": "connect_timeout",
    "schema": "search_path",
    "ssl_mode": "sslmode",
    "targetservertype": "target_session_attrs",
    "username": "user",
}
"""Names of JDBC, Prisma and others, in lower case, and the same parameter in libpq."""

SERVER_SETTINGS = (
    "options",
    "search_path",
    "role",
    "work_mem",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
)
"""Parameters passed to the server at connection start."""

DRIVER = (
    "krbsrvname",
    "gsslib",
    "service",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "sslpassword",
    "sslcrl",
    "sslnegotiation",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
)
"""Parameters that asyncpg itself reads from a URL."""

TLS_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")

TLS_MODES = {
    "disable": "disable",
    "allow": "allow",
    "prefer": "prefer",
    "require": "require",
    "no-verify": "require",  # node-postgres: encrypted, not verified, as libpq's require is
    "verify-ca": "verify-ca",
    "verify-full": "verify-full",
}

TARGETS = {
    "any": "any",
    "read-write": "read-write",
    "primary": "primary",
    "master": "primary",  # JDBC
}
"""Server kinds that accept writes; every process needs one."""

_OWN = "this program sets it for itself"
_CONNECTIONS = "this program sizes its own pools"
_STATEMENTS = "poolers are detected"
_TIMES = "every statement has a time limit of its own"

IGNORED = {
    "binary_parameters": _STATEMENTS,
    "client_encoding": _OWN,
    "connection_limit": _CONNECTIONS,
    "datestyle": _OWN,
    "default_query_exec_mode": _STATEMENTS,
    "extra_float_digits": _OWN,
    "fallback_application_name": _OWN,
    "gssdelegation": "GSSAPI is not used for encryption",
    "intervalstyle": _OWN,
    "jit": _OWN,
    "keepalives": _TIMES,
    "keepalives_count": _TIMES,
    "keepalives_idle": _TIMES,
    "keepalives_interval": _TIMES,
    "load_balance_hosts": "the primary is looked for",
    "lock_timeout": _OWN,
    "max_conn_lifetime": _CONNECTIONS,
    "max_idle_connection_lifetime": _CONNECTIONS,
    "max_overflow": _CONNECTIONS,
    "plan_cache_mode": _OWN,
    "pool_max_conns": _CONNECTIONS,
    "pool_size": _CONNECTIONS,
    "pool_timeout": _CONNECTIONS,
    "preparedstatementcachequeries": _STATEMENTS,
    "prepared_statement_cache_size": _STATEMENTS,
    "preparethreshold": _STATEMENTS,
    "rewritebatchedinserts": _STATEMENTS,
    "socket_timeout": _TIMES,
    "sockettimeout": _TIMES,
    "sslcompression": "TLS no longer has it",
    "sslsni": "the driver sends the name",
    "statement_cache_size": _STATEMENTS,
    "statement_timeout": _OWN,
    "supa": "only the service itself reads it",
    "tcp_user_timeout": _TIMES,
    "tcpkeepalive": _TIMES,
    "timezone": _OWN,
    "uselibpqcompat": "it speaks to another driver",
    "workaround": "it speaks to another driver",
}
"""Parameters without a meaning here, in lower case, and the reason."""

REJECTED = {
    "hostaddr": "write the address as the host",
    "replication": "replication connections take no statements",
    "require_auth": "the driver cannot keep this; demand scram-sha-256 in pg_hba.conf",
    "requirepeer": "the driver cannot keep this",
    "server_settings": "write options=-c%20name%3Dvalue",
    "sslfactory": "write sslmode",
}
"""Requirements that cannot be kept, and the remedy."""
