"""What is dismissed."""

from django import forms


class DismissForm(forms.Form):
    """One notice by its number, or all where none is named."""

    notice = forms.IntegerField(required=False)
