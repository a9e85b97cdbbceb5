"""Who did what."""

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from dashboard.forms.runs import AuditFilter
from dashboard.services import history
from dashboard.tables.runs import AuditTable
from dashboard.views.fragments import render_piece_or_page, tidy_address


@require_GET
@permission_required("dashboard.view_auditentry", raise_exception=True)
@tidy_address
def audit_list(request: HttpRequest) -> HttpResponse:
    filters = AuditFilter(request.GET)
    found = history.audit_entries(**filters.values)
    context = {
        "filters": filters.as_applied(),
        "notes": filters.notes,
        "actions": history.audit_actions(),
        "paging": found.paging,
        "table": AuditTable(found.rows),
    }
    return render_piece_or_page(request, "audit/list.html", "audit/_list.html", context)
