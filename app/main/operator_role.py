"""The operator's side: the private listener with API, metrics and health."""
