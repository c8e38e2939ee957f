"""The one exception that the command line prints without a traceback."""


class UserError(Exception):
    """A mistake that the user can mend: one sentence saying what is wrong, where, and what to do."""
