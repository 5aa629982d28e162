"""Audit of the locked requirements: known vulnerabilities, by pip-audit and the OSV database.

Exits with 1 for a finding or an unreadable file. If the database cannot be reached, it prints a
warning and exits with 0, so a change can land offline; `--strict` makes that a 2.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

FAILED, UNREACHABLE = 1, 2
_NETWORK_ERROR = re.compile(r"connect|timed? ?out|proxy|HTTPError", re.IGNORECASE)
_ANSWER_SECONDS = "15"


def main(arguments: list[str]) -> int:
    """Audit each file and return the exit code."""
    options = [argument for argument in arguments if argument.startswith("--osv-url=")]
    strict = "--strict" in arguments
    files = [argument for argument in arguments if not argument.startswith("--")]
    codes = [audit(name, options) for name in files]
    if FAILED in codes:
        return FAILED
    if UNREACHABLE in codes:
        warn("audit: the vulnerability database cannot be reached, so NOTHING was audited")
        return UNREACHABLE if strict else 0
    warn(f"audit: no known vulnerabilities in {', '.join(files)}")
    return 0


def audit(name: str, more: list[str]) -> int:
    """Audit every package of one file, print the findings, and return the exit code."""
    # The file has hashes and exact versions, so nothing must be installed or resolved.
    options = [
        "--require-hashes",
        "--disable-pip",
        "--vulnerability-service",
        "osv",
        "--format",
        "json",
    ]
    program = Path(sys.executable).with_name("pip-audit")
    command = [
        program,
        *options,
        "--progress-spinner",
        "off",
        "--timeout",
        _ANSWER_SECONDS,
        "--requirement",
        name,
        *more,
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):  # no report without an answer of the database
        reason = last_line(done.stderr)
        warn(f"audit: {name}: {reason}")
        return UNREACHABLE if _NETWORK_ERROR.search(reason) else FAILED
    found = [(package, each) for package in packages for each in package.get("vulns", [])]
    for package, each in found:
        fixed = ", ".join(each["fix_versions"]) or "no version yet"
        warn(
            f"audit: {name}: {package['name']} {package['version']}: {each['id']}, fixed in {fixed}"
        )
    return FAILED if found else 0


def last_line(text: str) -> str:
    """Return the last non-empty line."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no answer")


def warn(text: str) -> None:
    """Write a line to standard error."""
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
