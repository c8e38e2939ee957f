"""What a long task reports to: a callback that is given how much is done, and of how much."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with (done, total)."""

Transfer = Callable[[int, int | None], None]
"""Called with (done, total) bytes; the total of a download may not be known."""

Steps = Callable[[str], Progress]
"""Gives, for the name of a task, the callback that it reports to."""
