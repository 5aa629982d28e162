"""zeus-relay: the receiver of Zeus payment notifications."""
