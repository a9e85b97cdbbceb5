"""What is read on a page, without its tags."""

import re

from django.http import HttpResponse


def plain(html: str) -> str:
    """The words alone."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def text_of(response: HttpResponse) -> str:
    """The words on the page."""
    return plain(response.content.decode())


def rows_of(html: str) -> list[str]:
    """The words of each row of the table."""
    body = html.partition("<tbody>")[2].partition("</tbody>")[0]
    return [plain(row) for row in body.split("</tr>")[:-1]]
