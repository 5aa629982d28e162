"""The public listener: the notification endpoint and health, nothing else."""
