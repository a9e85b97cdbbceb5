"""The columns of tables that a page needs in a hurry."""

from copy import copy

import django_tables2 as tables


class Column(tables.Column):
    """One whose parts, which nobody changes in place, are not copied anew for each table."""

    def __deepcopy__(self, memo: object) -> "Column":
        return copy(self)
