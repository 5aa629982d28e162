"""Audit of the locked requirements: known vulnerabilities, by pip-audit and the OSV database.

Exits with 1 for a finding or a file that cannot be read. Where the database cannot be asked, it says so
and exits with 0, so that a change can land without the network; `--strict` makes that a 2.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

FAILED, NOT_ASKED = 1, 2
_UNREACHABLE = re.compile(r"connect|timed? ?out|proxy|HTTPError", re.IGNORECASE)
_ANSWER_SECONDS = "15"


def main(arguments: list[str]) -> int:
    """Audit each file and return the exit code."""
    options = [argument for argument in arguments if argument.startswith("--osv-url=")]
    strict = "--strict" in arguments
    files = [argument for argument in arguments if not argument.startswith("--")]
    codes = [audit(name, options) for name in files]
    if FAILED in codes:
        return FAILED
    if NOT_ASKED in codes:
        say("audit: the database of vulnerabilities could not be asked, so NOTHING was audited")
        return NOT_ASKED if strict else 0
    say(f"audit: no known vulnerabilities in {', '.join(files)}")
    return 0


def audit(name: str, more: list[str]) -> int:
    """Ask about every package of one file and print the findings."""
    # Hashes and exact versions stand in the file: nothing has to be installed or resolved.
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
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):  # it writes no report without having asked
        reason = last_line(done.stderr)
        say(f"audit: {name}: {reason}")
        return NOT_ASKED if _UNREACHABLE.search(reason) else FAILED
    found = [(package, each) for package in packages for each in package.get("vulns", [])]
    for package, each in found:
        fixed = ", ".join(each["fix_versions"]) or "no version yet"
        say(
            f"audit: {name}: {package['name']} {package['version']}: {each['id']}, fixed in {fixed}"
        )
    return FAILED if found else 0


def last_line(text: str) -> str:
    """The last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no answer")


def say(text: str) -> None:
    """Write a line to standard error."""
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
