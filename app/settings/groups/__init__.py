"""Settings by subject. `Settings` puts them together, in the order of the reference."""
