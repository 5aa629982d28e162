"""Console for operators in the browser, in Japanese and English.

Imported by main only.
"""
