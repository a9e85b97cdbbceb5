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
    def show_all(self) -> str:
        """The query of the list without filters: none, unless a view opens where there is none."""
        return "?page=1" if any(view.opens_first for view in self.views) else ""

    @property
    def may_add(self) -> bool:
        return bool(self.query) and not self.current and len(self.views) < MOST


def saved(user: User, page: str, query: str) -> Saved:
    """The views of this list, by name, beside its query as it is now."""
    has_views = getattr(user, "has_views", True)
    return Saved(page, query, list(SavedView.objects.filter(user=user, page=page)) if has_views else [])


def first(user: User, page: str) -> SavedView | None:
    """The view that the person's list opens with."""
    has_views = getattr(user, "has_views", True)
    return SavedView.objects.filter(user=user, page=page, opens_first=True).first() if has_views else None


def save(*, user: User, page: str, name: str, query: str, opens_first: bool = False) -> SavedView:
    """Raises: NotSaved for a name or a filter that is there already, or when there are too many."""
    mine = SavedView.objects.filter(user=user, page=page)
    if twin := mine.filter(query=query).first():
        raise NotSaved(f"These filters are saved already, as “{twin.name}”.")
    if mine.count() >= MOST:
        raise NotSaved(f"There are {MOST} saved views of this list. Delete one first.")
    return _write(SavedView(user=user, page=page, name=name, query=query, opens_first=opens_first))


def change(view_id: int, *, name: str, opens_first: bool) -> SavedView:
    """Raises: NotSaved for a name that is taken."""
    view = SavedView.objects.get(pk=view_id)
    view.name, view.opens_first = name, opens_first
    return _write(view)


def _write(view: SavedView) -> SavedView:
    others = SavedView.objects.filter(user=view.user, page=view.page).exclude(pk=view.pk)
    if others.filter(name__iexact=view.name).exists():
        raise NotSaved(f"There is a view named “{view.name}” already.")
    try:
        with transaction.atomic():
            if view.opens_first:
                others.filter(opens_first=True).update(opens_first=False)
            view.save()
    except IntegrityError:
        raise NotSaved("The same view was saved a moment ago.") from None
    return view
