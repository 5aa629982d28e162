"""Applications as operators and shops see them: apply, list, show, resolve."""
