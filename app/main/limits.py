"""What the operating system lets this process have."""

import sys

_DEFAULT = 1_024


def raise_open_files() -> int:
    """Allow this process as many open files as it may allow itself, and return how many: each connection takes one."""
    if sys.platform == "win32":
        return _DEFAULT
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = max(soft, 65_536)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    return hard
