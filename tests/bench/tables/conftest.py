"""The numbers of these tests are chosen, so that a table can be read."""

from made_up_metrics import made_up_metrics

__all__ = ["made_up_metrics"]
