"""What people send when they pick and confirm: ticked boxes, pasted ids, the token of a review."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import TextChoices
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from dashboard.api.schema import Campaign, canonical_id

MOST_IDS = 100_000
MOST_CHARACTERS = 8 * 1024 * 1024
NAMED = 20

_ENTRY = re.compile(r"[^\s,;|\"'`()\[\]{}<>\ufeff\u200b]+")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Malformed:
    """An entry that is no account id; `line` and `entry` count from 1, `entry` within its line."""

    line: int
    entry: int
    text: str


@dataclass(frozen=True)
class Ids:
    """What a text held: how often each account id came, in order of first sight, and what was no id."""

    counts: Counter[str]
    malformed: tuple[Malformed, ...] = ()

    @property
    def named(self) -> tuple[Malformed, ...]:
        """The first malformed entries, few enough to show."""
        return self.malformed[:NAMED]

    @property
    def unnamed(self) -> int:
        return len(self.malformed) - len(self.named)


def parse_ids(texts: Sequence[str]) -> Ids:
    """The account ids in any number of texts, between any separators."""
    counts: Counter[str] = Counter()
    malformed = []
    for entry in _entries(texts):
        account_id = canonical_id(entry.text)
        if _UUID.fullmatch(account_id):
            counts[account_id] += 1
        else:
            malformed.append(entry)
    return Ids(counts, tuple(malformed))


def _entries(texts: Sequence[str]) -> Iterator[Malformed]:
    for text in texts:
        for number, line in enumerate(text.splitlines(), start=1):
            for place, match in enumerate(_ENTRY.finditer(line), start=1):
                yield Malformed(number, place, match[0])


class TextsArea(forms.Textarea):
    """Shares its name with boxes: it takes all values, and shows again what did not come from a box."""

    def value_from_datadict(self, data: Mapping[str, Any], files: object, name: str) -> list[str]:
        return (
            data.getlist(name) if isinstance(data, MultiValueDict) else [data[name]] if name in data else []
        )

    def format_value(self, value: list[str] | None) -> str:
        return "\n".join(text for text in value or () if not _UUID.fullmatch(text))


class IdsField(forms.Field):
    """Any number of values under one name, each an account id or a whole pasted text; cleans to `Ids`."""

    widget = forms.MultipleHiddenInput
    default_error_messages = {
        "too_long": _("This is more than 8 MB of text. Nothing was added: bring it in smaller parts."),
        "too_many": _("These are more than 100,000 ids. Nothing was added: bring them in smaller parts."),
    }

    def to_python(self, value: Sequence[str] | None) -> Ids:
        texts = value or ()
        if sum(map(len, texts)) > MOST_CHARACTERS:
            raise forms.ValidationError(self.error_messages["too_long"], code="too_long")
        ids = parse_ids(texts)
        if len(ids.counts) > MOST_IDS:
            raise forms.ValidationError(self.error_messages["too_many"], code="too_many")
        return ids


class PickForm(forms.Form):
    """The picker as it is sent: what is ticked and pasted, which accounts were shown, and what to do next.

    Only what the person changed is applied: `before` says which boxes were ticked when last shown or saved,
    so that an older tab undoes nothing. For a single tick, and beside a list to look up, only boxes count.
    """

    class Next(TextChoices):
        REVIEW = "review"
        STAY = "stay"
        TICK = "tick"
        ALL = "all"
        NONE = "none"
        CLEAR = "clear"
        CLEARED = "cleared"
        GATHER = "gather"
        LOOK_UP = "look_up"
        FILTER = "filter"

    account_ids = IdsField(
        label=_("Account ids"),
        help_text=_("Any separator will do. At most 100,000 ids or 8 MB at once."),
        widget=TextsArea(attrs={"rows": 4, "spellcheck": "false", "autocomplete": "off"}),
        required=False,
    )
    shown = IdsField(required=False)
    before = IdsField(required=False)
    then = forms.ChoiceField(choices=Next.choices, required=False)
    page = forms.IntegerField(min_value=1, required=False)

    @property
    def next(self) -> Next:
        """A button that turns the page stays on the picker."""
        word = self.cleaned_data["then"] or (
            self.Next.STAY if self.cleaned_data["page"] else self.Next.REVIEW
        )
        return self.Next(word)

    @property
    def on_page(self) -> Counter[str]:
        """The accounts that had a box."""
        shown: Counter[str] = self.cleaned_data["shown"].counts
        return shown

    @property
    def ticked(self) -> list[str]:
        """The boxes that are ticked on the page as it was sent."""
        return [account_id for account_id in self.ids.counts if account_id in self.on_page]

    @property
    def add(self) -> Counter[str]:
        """The accounts to take in, with how often each was named."""
        given = self.ids.counts
        if self.next in (self.Next.TICK, self.Next.LOOK_UP):
            given = Counter(self.ticked)
        if self.next == self.Next.ALL:
            given |= self.on_page
        left_out = self.on_page if self.next == self.Next.NONE else self._before
        return Counter(
            {account_id: times for account_id, times in given.items() if account_id not in left_out}
        )

    @property
    def remove(self) -> list[str]:
        """The accounts to take out."""
        kept = {self.Next.ALL: self._before, self.Next.NONE: Counter[str]()}.get(self.next, self.ids.counts)
        return [account_id for account_id in self._before if account_id not in kept]

    @property
    def _before(self) -> Counter[str]:
        before: Counter[str] = self.cleaned_data["before"].counts
        return before

    @property
    def ids(self) -> Ids:
        """All that was given, with what was no id."""
        ids: Ids = self.cleaned_data["account_ids"]
        return ids

    @property
    def pasted(self) -> str:
        """What was given but for the boxes."""
        texts: list[str] = self["account_ids"].value() or []
        return "\n".join(text for text in texts if text not in self.on_page)

    def accepts(self, selected: int) -> bool:
        """Whether the person may move on with that many selected; if not, the form says why."""
        if self.ids.malformed:
            bad, good = len(self.ids.malformed), len(self.ids.counts - self.on_page)
            sentence = ngettext(
                "%(bad)d entry is no account id. The good ones (%(good)d) were added.",
                "%(bad)d entries are no account ids. The good ones (%(good)d) were added.",
                bad,
            )
            self.add_error(None, sentence % {"bad": bad, "good": good})
        elif self.next == self.Next.LOOK_UP:
            self.add_error(None, _("Nothing was pasted. Paste invoice numbers, external ids or account ids."))
        elif self.next == self.Next.REVIEW and not selected:
            self.add_error(None, _("No invoice is chosen. Tick at least one, or paste account ids."))
        return not self.errors


class CampaignForm(forms.Form):
    """Where one invoice goes."""

    campaign_id = forms.UUIDField(
        label=_("Campaign"), widget=forms.Select, error_messages={"required": _("Choose a campaign.")}
    )

    def offer(self, campaigns: Iterable[Campaign]) -> None:
        """Fill the list to choose from."""
        choices = ((campaign.id, campaign.name) for campaign in campaigns)
        self.fields["campaign_id"].widget = forms.Select(choices=[("", _("Choose a campaign")), *choices])
