"""The worker: judges what was received and forwards what follows from it."""
