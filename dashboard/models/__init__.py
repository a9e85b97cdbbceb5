"""What Rollcall owns: people's selections, and the ledger of runs, batches, attempts and outcomes.

The vendor's records are never stored as ours: a selection and a batch keep a snapshot of each account as it was picked.
Account and campaign ids are the API's, as canonical text.
"""

from .batches import Attempt, Batch, BatchText, Outcome
from .errands import Errand, GatheredPage, Gathering, Refreshing
from .people import AuditEntry, Notice, SavedView
from .runs import CustomerName, Run, RunCustomer, Tally
from .selections import SelectedAccount, Selection
from .uploads import Entry, Upload, UploadFile, UploadUse
from .waiting import ParkedAccount
from .workers import Pace, Worker

__all__ = [
    "Attempt",
    "AuditEntry",
    "Batch",
    "BatchText",
    "CustomerName",
    "Entry",
    "Errand",
    "GatheredPage",
    "Gathering",
    "Notice",
    "Outcome",
    "Pace",
    "ParkedAccount",
    "Refreshing",
    "Run",
    "RunCustomer",
    "SavedView",
    "SelectedAccount",
    "Selection",
    "Tally",
    "Upload",
    "UploadFile",
    "UploadUse",
    "Worker",
]
