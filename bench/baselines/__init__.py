"""What the service is compared with: the same job, done another way."""
