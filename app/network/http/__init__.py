"""HTTP client for POSTs of which only the status and the beginning of the answer are wanted."""
