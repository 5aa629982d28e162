"""Commands of applications: apply for a payment slip, list, show and resolve."""
