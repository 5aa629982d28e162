"""HTTP protocol of the public listener: tolerant parsing that keeps every byte of a call.

Imported by the receiver and main.
"""
