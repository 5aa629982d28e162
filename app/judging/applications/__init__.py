"""Applications as judging sees them: which of them a call is about, and their rows."""
