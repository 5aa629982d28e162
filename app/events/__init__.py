"""What we say: the types of events, their JSON, and how a webhook is signed. Pure: no I/O, no settings."""
