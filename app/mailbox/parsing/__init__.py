"""Parsing of mails: charsets, header fields, MIME parts and HTML, all with limits. Pure."""
