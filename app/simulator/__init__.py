"""Stand-in for Zeus: plays scenarios of calls against a URL.

It imports `app.zeus` alone; main imports it.
"""
