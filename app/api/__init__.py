"""The API on the private listener: JSON under /v1 over the reads and actions of operating, with health and metrics beside it."""
