"""The one exception that the command line prints without a traceback."""


class UserError(Exception):
    """A mistake that the user can mend: one sentence saying what is wrong, where, and what to do."""


def one_line(error: object) -> str:
    """What an error of a library says, its line breaks and indentation taken out."""
    return " ".join(str(error).split())
