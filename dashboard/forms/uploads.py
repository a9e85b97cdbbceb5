"""What people send when they bring a list: the text or file, the column, their choices."""

from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.utils.translation import gettext_lazy as _

from dashboard.forms.filters import FilterForm
from dashboard.models import Entry

MOST_BYTES = 20 * 1024 * 1024
MOST_CHARACTERS = 8 * 1024 * 1024
COLUMN_SHOWN = 60


class Limit(FileUploadHandler):
    """Of a file that is too large, what is beyond the limit is neither held nor written; its size is kept."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        return raw_data if start + len(raw_data) <= MOST_BYTES else None

    def file_complete(self, file_size: int) -> UploadedFile | None:
        if file_size <= MOST_BYTES:
            return None
        return UploadedFile(BytesIO(), self.file_name, self.content_type, file_size, self.charset)


class ListForm(forms.Form):
    """Pasted text or a file, one of them."""

    text = forms.CharField(
        required=False,
        max_length=MOST_CHARACTERS,
        label=_("Account ids, invoice numbers or external ids"),
        help_text=_(
            "In any mix, with any separator. A number with a space in it goes between quotation marks. "
            "At most 8 MB and 200,000 lines."
        ),
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "autocomplete": "off"}),
        error_messages={
            "max_length": _("This is more than 8 MB of text. Nothing was taken: bring it in parts.")
        },
    )
    file = forms.FileField(
        required=False,
        label=_("A CSV or XLSX file"),
        help_text=_("Any encoding and separator. At most 20 MB and 200,000 lines; of a workbook, one sheet."),
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx"}),
        error_messages={"empty": _("This file is empty. Nothing was taken.")},
    )

    def clean_file(self) -> UploadedFile | None:
        file: UploadedFile | None = self.cleaned_data["file"]
        if file and (file.size or 0) > MOST_BYTES:
            raise forms.ValidationError(
                _("This file is larger than 20 MB. Nothing was taken: bring it in parts."), code="too_large"
            )
        return file

    def clean(self) -> dict[str, Any]:
        text, file = self.cleaned_data.get("text"), self.cleaned_data.get("file")
        if not self.errors and not text and not file:
            raise forms.ValidationError(_("Paste something, or choose a file."), code="nothing")
        if text and file:
            raise forms.ValidationError(
                _("Paste text or choose a file, not both. Nothing was taken."), code="both"
            )
        return self.cleaned_data

    @property
    def content(self) -> bytes:
        """What was given, as bytes."""
        file: UploadedFile | None = self.cleaned_data["file"]
        text: str = self.cleaned_data["text"]
        return b"".join(file.chunks()) if file else text.encode()

    @property
    def name(self) -> str:
        """The file's name, "" for pasted text."""
        file: UploadedFile | None = self.cleaned_data["file"]
        return (file.name or "file") if file else ""


class ColumnForm(forms.Form):
    """Which column of a file names the invoice."""

    column = forms.TypedChoiceField(
        coerce=int,
        label=_("Which column names the invoice?"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a column.")},
    )
    heading = forms.BooleanField(required=False, label=_("The first row is a heading"))

    def __init__(self, *args: Any, columns: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["column"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (number, f"{number + 1}: {name[:COLUMN_SHOWN]}") for number, name in enumerate(columns)
        ]


class SheetForm(forms.Form):
    """Which sheet of a workbook is meant."""

    sheet = forms.ChoiceField(
        label=_("Which sheet?"), error_messages={"invalid_choice": _("Choose a sheet of this workbook.")}
    )

    def __init__(self, *args: Any, sheets: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["sheet"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(name, name) for name in sheets]


class ChoiceForm(forms.Form):
    """Which of several invoices is meant, for each entry that is left open; an entry may be left so."""

    def __init__(self, *args: Any, entries: Iterable[Entry], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for entry in entries:
            candidates = [(match["account"]["id"], match["account"]["id"]) for match in entry.matches]
            self.fields[f"entry-{entry.pk}"] = forms.ChoiceField(
                required=False, choices=[*candidates, ("none", _("None of these"))]
            )

    @property
    def choices(self) -> dict[int, str]:
        """The account by entry, "" for none of them."""
        return {
            int(name.removeprefix("entry-")): "" if value == "none" else value
            for name, value in self.cleaned_data.items()
            if value
        }


class EntryFilter(FilterForm):
    """Which entries of a list are shown."""

    state = forms.ChoiceField(
        required=False,
        initial="",
        label=_("Show"),
        choices=[("", _("All lines")), *Entry.State.choices],
        error_messages={"invalid_choice": _("“%(value)s” is no state of a line.")},
    )
