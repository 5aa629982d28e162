"""The composition root: builds each role from its parts and runs it."""
