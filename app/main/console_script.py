"""Console script `zeus-relay`."""

import sys
from collections.abc import Callable
from typing import NoReturn

from app.main.role_commands import ROLES
from app.terminal import OutputLost, prepare_streams

FAILED = 1
WRONG_SETTINGS = 2


def run() -> None:
    """Run the command of the arguments.

    An error that the user can fix ends it with a message and an exit code, without a traceback.
    """
    prepare_streams()
    try:
        run_to_the_end(_program(sys.argv[1:]))
    except OutputLost as lost:
        _fail(str(lost), FAILED)


def _program(arguments: list[str]) -> Callable[[], object]:
    """Return the least program for these arguments: a role alone needs no command line."""
    roles = {role.__name__: role for role in ROLES}
    if len(arguments) == 1 and arguments[0] in roles:
        return roles[arguments[0]]
    from app.main.commands import program_of

    return program_of(arguments[0] if arguments else "")


def run_to_the_end(program: Callable[[], object]) -> None:
    """Run `program`. An error that the user can fix ends the process with a text and a code."""
    from app.db.checks.defects import DatabaseUnfit
    from app.db.embedded import EmbeddedPostgresMissing
    from app.main.process.listeners import CannotListen
    from app.settings import WrongSettings

    try:
        program()
    except (WrongSettings, CannotListen, EmbeddedPostgresMissing) as error:
        _fail(str(error), WRONG_SETTINGS)
    except DatabaseUnfit as unfit:
        _fail(str(unfit), FAILED)
    except OSError as error:
        if error.filename is None:
            raise
        _fail(f"{error.filename}: {error.strerror}", FAILED)
    finally:
        sys.stdout.flush()


def _fail(message: str, code: int) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    sys.exit(code)
