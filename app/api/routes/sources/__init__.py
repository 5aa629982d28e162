"""Routes of the sources beside calls: mails, and files of Zeus's console.

Imported by the API's application.
"""
