"""Texts of the console: templates, translations, labels and messages.

Imported by views and pages.
"""
