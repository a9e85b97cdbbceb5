"""Runs: the list, one run with its progress and results, and controlling it."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import trigger_client_event
from django_htmx.middleware import HtmxDetails

from dashboard.forms.filters import FilterForm
from dashboard.forms.runs import MarkForm, NoteForm, ResultFilter, RunFilter, SendAgainForm
from dashboard.models import Attempt, Run, SavedView
from dashboard.services import (
    fates,
    finding,
    history,
    notices,
    parts,
    predictions,
    progress,
    recheck,
    runs,
    saved_views,
    tally,
    wanted,
)
from dashboard.tables.results import ResultTable
from dashboard.tables.runs import AttemptTable, RunTable
from dashboard.views.enrollment import SignedIn
from dashboard.views.fragments import not_cached, render_piece_or_page, tidy_address, wants_fragment
from dashboard.views.saved_views import opens_with_view

LAST_CALLS = 5
ORDER = (*wanted.BY_NEED, "waiting", "not_sent", "picked")

may_enroll = permission_required("dashboard.enroll", raise_exception=True)


@require_GET
@opens_with_view(SavedView.Page.RUNS)
@tidy_address
def run_list(request: SignedIn) -> HttpResponse:
    filters = RunFilter(request.GET)
    found = history.list_runs(user_id=request.user.pk, **filters.values)
    context = {
        "filters": filters.as_applied(),
        "notes": filters.notes,
        "is_narrowed": filters.is_narrowed,
        "saved": saved_views.saved(request.user, "run-list", filters.as_query()),
        "paging": found.paging,
        "starters": history.starters,
        "table": RunTable(found.rows),
    }
    return render_piece_or_page(request, "runs/list.html", "runs/_list.html", context)


@require_GET
@tidy_address
def run_detail(request: SignedIn, run_id: int) -> HttpResponse:
    """The page; for htmx the list of invoices, or the part of the page that the answer replaces."""
    run = _run(run_id)
    replaces = HtmxDetails(request).target if wants_fragment(request) else ""
    if replaces == "summary":
        return not_cached(render(request, "runs/_summary.html", _summary(run)))
    if replaces == "calls":
        calls = _calls(request, run, per_page=LAST_CALLS)
        context = {"run": run, "progress": progress.of(run), "calls": calls}
        return not_cached(render(request, "runs/_calls.html", context))
    context = _results(request, run)
    if not wants_fragment(request):
        notices.see(request.user, run)
        context |= _summary(run) | {
            "may_act": request.user.has_perm("dashboard.enroll"),
            "recheck": recheck.of(run),
            "calls": _calls(request, run, per_page=LAST_CALLS),
        }
    return render_piece_or_page(request, "runs/detail.html", "runs/_results.html", context)


@require_GET
def run_progress(request: HttpRequest, run_id: int) -> HttpResponse:
    """The panel, asked for again and again: it spares what it can. When the run is over, the page loads the results.

    `act` says that the page shows the controls. They lead to pages that ask for the right to them.
    """
    if not wants_fragment(request):
        return redirect("run-detail", run_id)
    run = progress.polled(run_id)
    if run is None:
        raise Http404
    now = progress.of(run)
    context = {"run": run, "progress": now, "may_act": "act" in request.GET}
    response = not_cached(HttpResponse(render_to_string("runs/_progress.html", context)))
    return trigger_client_event(response, "run-over", after="settle") if now.is_over else response


@require_GET
def attempt_list(request: HttpRequest, run_id: int) -> HttpResponse:
    run = _run(run_id)
    filters = FilterForm(request.GET)
    context = {"run": run, "notes": filters.notes, "calls": _calls(request, run, **filters.values)}
    return render_piece_or_page(request, "runs/attempts.html", "runs/_attempts.html", context)


@require_GET
@permission_required("dashboard.view_raw", raise_exception=True)
def attempt_detail(request: HttpRequest, run_id: int, attempt_id: int) -> HttpResponse:
    attempt = get_object_or_404(Attempt.objects.select_related("batch", "run"), pk=attempt_id, run=run_id)
    return not_cached(render(request, "runs/attempt.html", {"attempt": attempt, "run": attempt.run}))


@may_enroll
@require_http_methods(["GET", "POST"])
def run_pause(request: HttpRequest, run_id: int) -> HttpResponse:
    return _ask_or_do(
        request, run_id, "pause", runs.pause, NoteForm, _("The run is paused: no new call is made.")
    )


@may_enroll
@require_http_methods(["GET", "POST"])
def run_resume(request: HttpRequest, run_id: int) -> HttpResponse:
    return _ask_or_do(request, run_id, "resume", runs.resume, NoteForm, _("The run goes on."))


@may_enroll
@require_http_methods(["GET", "POST"])
def run_stop(request: HttpRequest, run_id: int) -> HttpResponse:
    return _ask_or_do(
        request, run_id, "stop", runs.stop, NoteForm, _("The run is stopped: nothing more is sent.")
    )


@may_enroll
@require_http_methods(["GET", "POST"])
def run_again(request: HttpRequest, run_id: int) -> HttpResponse:
    return _ask_or_do(
        request, run_id, "again", runs.send_again, SendAgainForm, _("They are sent again. This is on record.")
    )


@may_enroll
@require_http_methods(["GET", "POST"])
def run_mark(request: HttpRequest, run_id: int) -> HttpResponse:
    return _ask_or_do(request, run_id, "mark", runs.mark, MarkForm, _("Your word is on record."))


def _run(run_id: int) -> Run:
    return get_object_or_404(history.for_pages(), pk=run_id)


def _summary(run: Run) -> dict[str, Any]:
    turned_down, taken = predictions.missed(tally.shares(run))
    return {
        "run": run,
        "progress": progress.of(run),
        "outcomes": sorted(tally.by_outcome(run).items(), key=lambda item: ORDER.index(item[0])),
        "groups": fates.groups(run),
        "turned_down": turned_down,
        "taken": taken,
    }


def _results(request: HttpRequest, run: Run) -> dict[str, Any]:
    filters = ResultFilter(request.GET)
    found = finding.find(run, **filters.values)
    table = ResultTable(
        found.rows,
        chosen=filters.values,
        may_pick=request.user.has_perm("dashboard.enroll"),
        may_read_raw=request.user.has_perm("dashboard.view_raw"),
    )
    return {
        "run": run,
        "filters": filters.as_applied(),
        "chosen": filters.values,
        "notes": filters.notes,
        "stretch": found.stretch,
        "table": table,
    }


def _calls(request: HttpRequest, run: Run, *, page: int = 1, per_page: int) -> dict[str, Any]:
    found = history.attempts(run, page=page, per_page=per_page)
    table = AttemptTable(found.rows, run=run, may_read_raw=request.user.has_perm("dashboard.view_raw"))
    return {"table": table, "paging": found.paging}


def _ask_or_do(
    request: HttpRequest,
    run_id: int,
    action: str,
    act: Callable[..., object],
    form_class: type[Form],
    done: Promise,
) -> HttpResponse:
    """The question; on POST the deed, or why it is not possible: then the note stays."""
    run = _run(run_id)
    form = form_class(request.POST if request.method == "POST" else None, initial=request.GET.dict())
    status = 200
    if form.is_bound and (status := _status_of(act, run, request, form)) == 302:
        messages.success(request, str(done))
        return redirect(run)
    context = {
        "run": run,
        "form": form,
        "progress": progress.of(run),
        "elsewhere": parts.unsent_but_sent_elsewhere(run) if action == "resume" else 0,
        "unsettled": fates.unsettled(run, form["account_id"].value() or "")
        if "account_id" in form.fields
        else None,
    }
    return not_cached(render(request, f"runs/{action}.html", context, status=status))


def _status_of(act: Callable[..., object], run: Run, request: HttpRequest, form: Form) -> int:
    """302: it is done; 409: it was not possible; 422: the form is not good. The form says why."""
    if not form.is_valid():
        return 422
    try:
        act(run=run, who=request.user, **form.cleaned_data)
    except runs.NotPossible as error:
        form.add_error(None, str(error))
        return 409
    return 302
