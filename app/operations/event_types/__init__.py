"""Types of events with their fields and JSON Schemas: the contract with subscribers."""
