"""The one exception that the command line prints without a traceback."""


class UserError(Exception):
    """A mistake that the user can mend: one sentence saying what is wrong, where, and what to do."""


def one_line(error: object) -> str:
    """What an error of a library says, its line breaks and indentation taken out; its class if nothing."""
    return cut(" ".join(str(error).split()), 2000) or type(error).__name__


def cut(text: str, longest: int = 120) -> str:
    """A text with its middle left out where it is longer than a message may quote."""
    if len(text) <= longest:
        return text
    half = (longest - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"
