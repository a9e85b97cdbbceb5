"""The worker processes, for those who look after Rollcall."""

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from dashboard.services import mail, workers
from dashboard.tables.workers import WorkerTable
from dashboard.views.fragments import render_piece_or_page


@require_GET
@permission_required("dashboard.view_auditentry", raise_exception=True)
def worker_list(request: HttpRequest) -> HttpResponse:
    """Asks for itself again every few seconds; a poll reads one table and writes nothing."""
    context = {"table": WorkerTable(workers.heartbeats()), "mails": mail.problems()}
    return render_piece_or_page(request, "workers/list.html", "workers/_list.html", context)
