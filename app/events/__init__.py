"""Events as subscribers read them: types, payload and signature.

Pure code without settings, clock or I/O. Any layer above may import it.
"""
