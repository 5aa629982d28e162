"""The operators' console: pages on the private listener that show what happened and let operators act, in Japanese and English."""
