"""Pages of mails: the list with the form for a file, and one mail."""
