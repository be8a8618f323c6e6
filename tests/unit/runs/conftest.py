"""A database server for the record of budgets."""

from unit.connectors.conftest import postgres

__all__ = ["postgres"]
