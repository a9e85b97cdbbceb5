"""What a person takes away from a run: files of its invoices, their own lists given back, and the receipt."""

from collections.abc import Iterable, Iterator
from datetime import tzinfo
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from dashboard.forms.runs import ResultFilter
from dashboard.models import Run, UploadFile
from dashboard.services import exports, receipts, returns
from dashboard.services.chunks import in_chunks
from dashboard.tables import receipts as tables
from dashboard.views import errors
from dashboard.views.fragments import not_cached

CONTENT_TYPES = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
CHOSEN = ("outcome", "reason", "predicted", "search")
AT_ONCE = 100
PLACE = "<!-- {} -->"  # of a receipt's long tables in its page


@require_GET
def run_export(request: HttpRequest, run_id: int, kind: str) -> HttpResponseBase:
    """The part that the page with the same query shows; a query that it does not know leads there, where it is said."""
    run = _run(run_id)
    filters = ResultFilter(request.GET)
    if filters.errors.keys() & set(CHOSEN):
        return redirect(f"{run.get_absolute_url()}?{request.GET.urlencode()}")
    chosen = {name: filters.values[name] for name in CHOSEN}
    return _download(exports.FORMATS[kind](run, **chosen), exports.name_of(run, kind, **chosen), kind)


@require_GET
@permission_required("dashboard.enroll", raise_exception=True)
def run_list_file(request: HttpRequest, run_id: int, upload_id: int) -> HttpResponseBase:
    """A list that the run was made from, given back with all its columns: to those who may bring lists themselves."""
    run = _run(run_id)
    upload = get_object_or_404(run.lists, pk=upload_id)
    try:
        file = returns.file_of(run, upload)
    except UploadFile.DoesNotExist:
        return errors.gone(request, _("This list is not kept any more"), _(GONE))
    return _download(file.pieces, file.name, file.kind)


GONE = (
    "Its file was deleted after the time that files are kept. The run's own files still hold every invoice."
)


@require_GET
def run_receipt(request: HttpRequest, run_id: int) -> HttpResponseBase:
    """A page to print, sent as it is made."""
    run = _run(run_id)
    context = {
        "run": run,
        "receipt": receipts.of(run),
        "invoice_headings": tables.INVOICE_HEADINGS,
        "call_headings": tables.CALL_HEADINGS,
        **{name: SafeString(PLACE.format(name)) for name in ("invoices", "calls", "fingerprint")},
    }
    page = render_to_string("runs/receipt.html", context, request)
    may_read_raw = request.user.has_perm("dashboard.view_raw")
    pieces = _filled(page, run, may_read_raw, timezone.get_current_timezone())
    return _at_once(StreamingHttpResponse(pieces))


def _filled(page: str, run: Run, may_read_raw: bool, zone: tzinfo) -> Iterator[str]:
    whole = receipts.Fingerprint()
    with timezone.override(zone):
        before, _, page = page.partition(PLACE.format("calls"))
        yield before
        yield from _together(tables.call_rows(receipts.calls(run), run=run, may_read_raw=may_read_raw))
        before, _, page = page.partition(PLACE.format("invoices"))
        yield before
        yield from _together(tables.invoice_rows(whole.taken(exports.lines(run))))
        yield page.replace(PLACE.format("fingerprint"), str(whole))


def _together(rows: Iterator[str]) -> Iterator[str]:
    """Sending each row by itself would take as long as making it."""
    return map("".join, in_chunks(rows, AT_ONCE))


def _run(run_id: int) -> Run:
    return get_object_or_404(Run.objects.select_related("starter"), pk=run_id)


def _download(pieces: Iterable[Any], name: str, kind: str) -> HttpResponseBase:
    response = StreamingHttpResponse(pieces, content_type=CONTENT_TYPES[kind])
    response["Content-Disposition"] = content_disposition_header(True, name) or ""
    return _at_once(response)


def _at_once(response: StreamingHttpResponse) -> StreamingHttpResponse:
    """A proxy hands it on as it comes."""
    response["X-Accel-Buffering"] = "no"
    return not_cached(response)
