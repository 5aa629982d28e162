"""Zeus's mails, the second source: reading, authenticating and matching them."""
