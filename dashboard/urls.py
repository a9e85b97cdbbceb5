"""Addresses: nouns in the path, `noun-verb` in the name."""

from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.urls import path, register_converter
from django.urls.converters import UUIDConverter

from dashboard.views import (
    accounts,
    audit,
    campaigns,
    enrollment,
    errands,
    errors,
    exports,
    health,
    home,
    names,
    notices,
    parts,
    review,
    runs,
    saved_views,
    scheme,
    uploads,
    waiting,
    workers,
)


class IdConverter(UUIDConverter):
    """The API's ids, in either case."""

    regex = "(?i:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"


register_converter(IdConverter, "id")

urlpatterns = [
    path("", home.home, name="home"),
    path("campaigns/", campaigns.campaign_list, name="campaign-list"),
    path("campaigns/<id:campaign_id>/", campaigns.campaign_detail, name="campaign-detail"),
    path("campaigns/<id:campaign_id>/enroll/", enrollment.run_create, name="run-create"),
    path("campaigns/<id:campaign_id>/enroll/review/", review.run_review, name="run-review"),
    path("campaigns/<id:campaign_id>/enroll/refresh/", errands.refreshing_detail, name="refreshing-detail"),
    path("campaigns/<id:campaign_id>/enroll/move/", review.run_move, name="run-move"),
    path("campaigns/<id:campaign_id>/enroll/all/", errands.gathering_detail, name="gathering-detail"),
    path("campaigns/<id:campaign_id>/enroll/lists/", uploads.upload_create, name="upload-create"),
    path(
        "campaigns/<id:campaign_id>/enroll/lists/<int:upload_id>/",
        uploads.upload_detail,
        name="upload-detail",
    ),
    path("selections/", review.selection_list, name="selection-list"),
    path("accounts/", accounts.account_list, name="account-list"),
    path("accounts/<id:account_id>/", accounts.account_detail, name="account-detail"),
    path("accounts/<id:account_id>/enroll/", accounts.account_enroll, name="account-enroll"),
    path("names/", names.names, name="names"),
    path("runs/", runs.run_list, name="run-list"),
    path("runs/<int:run_id>/", runs.run_detail, name="run-detail"),
    path("runs/<int:run_id>/progress/", runs.run_progress, name="run-progress"),
    path("runs/<int:run_id>/pause/", runs.run_pause, name="run-pause"),
    path("runs/<int:run_id>/resume/", runs.run_resume, name="run-resume"),
    path("runs/<int:run_id>/stop/", runs.run_stop, name="run-stop"),
    path("runs/<int:run_id>/send-again/", runs.run_again, name="run-send-again"),
    path("runs/<int:run_id>/mark/", runs.run_mark, name="run-mark"),
    path("runs/<int:run_id>/part/", parts.part_move, name="part-move"),
    path("runs/<int:run_id>/part/retry/", parts.part_retry, name="part-retry"),
    path("runs/<int:run_id>/part/park/", parts.part_park, name="part-park"),
    path("runs/<int:run_id>/calls/", runs.attempt_list, name="attempt-list"),
    path("runs/<int:run_id>/calls/<int:attempt_id>/", runs.attempt_detail, name="attempt-detail"),
    path("runs/<int:run_id>/export.csv", exports.run_export, {"kind": "csv"}, name="run-export-csv"),
    path("runs/<int:run_id>/export.xlsx", exports.run_export, {"kind": "xlsx"}, name="run-export-xlsx"),
    path("runs/<int:run_id>/lists/<int:upload_id>/", exports.run_list_file, name="run-list-file"),
    path("runs/<int:run_id>/receipt/", exports.run_receipt, name="run-receipt"),
    path("waiting/", waiting.waiting_list, name="waiting-list"),
    path("notices/", notices.notice_list, name="notice-list"),
    path("saved-views/", saved_views.saved_view_create, name="saved-view-create"),
    path("saved-views/<int:view_id>/", saved_views.saved_view_detail, name="saved-view-detail"),
    path("saved-views/<int:view_id>/delete/", saved_views.saved_view_delete, name="saved-view-delete"),
    path("under-way/", home.under_way, name="under-way"),
    path("audit/", audit.audit_list, name="audit-list"),
    path("workers/", workers.worker_list, name="worker-list"),
    path("scheme/", scheme.scheme_set, name="scheme-set"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path(
        "sign-in/", login_not_required(auth.LoginView.as_view(redirect_authenticated_user=True)), name="login"
    ),
    path("sign-out/", auth.LogoutView.as_view(), name="logout"),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
