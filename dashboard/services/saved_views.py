"""Filters that people have named, per list."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from dashboard.models import SavedView

MOST = 30


class NotSaved(Exception):
    """The view cannot be saved so; the message says why, for people."""


@dataclass(frozen=True)
class Saved:
    """A person's views of a list, and the one that is on screen; `query` is what would be saved, empty for nothing."""

    page: str
    query: str
    views: Sequence[SavedView]

    @property
    def current(self) -> SavedView | None:
        return next((view for view in self.views if view.query == self.query), None)

    @property
    def may_add(self) -> bool:
        return bool(self.query) and not self.current and len(self.views) < MOST


def saved(user: User, page: str, query: str) -> Saved:
    """The views of this list, by name, beside its query as it is now."""
    has_views = getattr(user, "has_views", True)
    return Saved(page, query, list(SavedView.objects.filter(user=user, page=page)) if has_views else [])


def save(*, user: User, page: str, name: str, query: str) -> SavedView:
    """Raises: NotSaved for a name or a filter that is there already, or when there are too many."""
    mine = SavedView.objects.filter(user=user, page=page)
    if twin := mine.filter(query=query).first():
        raise NotSaved(f"These filters are saved already, as “{twin.name}”.")
    if mine.count() >= MOST:
        raise NotSaved(f"There are {MOST} saved views of this list. Delete one first.")
    return _write(SavedView(user=user, page=page, name=name, query=query))


def rename(view_id: int, name: str) -> SavedView:
    """Raises: NotSaved for a name that is taken."""
    view = SavedView.objects.get(pk=view_id)
    view.name = name
    return _write(view)


def _write(view: SavedView) -> SavedView:
    others = SavedView.objects.filter(user=view.user, page=view.page, name__iexact=view.name)
    if others.exclude(pk=view.pk).exists():
        raise NotSaved(f"There is a view named “{view.name}” already.")
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError:
        raise NotSaved("The same view was saved a moment ago.") from None
    return view
