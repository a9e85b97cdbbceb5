"""Answers that the database would not take: one file each, synced to disk, replayed when it takes them again."""

import hashlib
import json
import logging
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, connection

from dashboard.services.answers import Answer
from dashboard.services.claiming import Claim

log = logging.getLogger(__name__)


def folder() -> Path:
    """Where the files are: one folder for each database, for an attempt's number means nothing in another."""
    database = connection.settings_dict
    address = "|".join(str(database[part]) for part in ("HOST", "PORT", "NAME"))
    path: Path = settings.STATE_DIR / "spool" / hashlib.sha256(address.encode()).hexdigest()[:16]
    return path


def keep(claim: Claim, answer: Answer) -> None:
    """Write the answer so that it outlives a crash. Raises: OSError when not even a file can be written."""
    folder().mkdir(parents=True, exist_ok=True)
    path = folder() / f"attempt-{claim.attempt_id}.json"
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        json.dump({"claim": asdict(claim), "answer": answer.model_dump(mode="json")}, file)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    descriptor = os.open(folder(), os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replay(settle: Callable[[Claim, Answer], None]) -> int:
    """Settle what was kept. Gives how many; a file that the database refuses again stays.

    One that no attempt of this database belongs to is set aside.
    """
    replayed = 0
    for path in sorted(folder().glob("attempt-*.json")) if folder().is_dir() else ():
        try:
            settle(*_read(path))
        except FileNotFoundError:
            continue  # another worker of this machine was faster
        except DatabaseError:
            log.warning("%s waits: the database does not take it yet", path.name)
            break
        except ObjectDoesNotExist:
            log.error("%s belongs to no attempt of this database", path.name)
            path.rename(path.with_suffix(".stray"))
            continue
        path.unlink(missing_ok=True)
        replayed += 1
    return replayed


def _read(path: Path) -> tuple[Claim, Answer]:
    kept = json.loads(path.read_text(encoding="utf-8"))
    claim = Claim(**kept["claim"] | {"account_ids": tuple(kept["claim"]["account_ids"])})
    return claim, Answer.model_validate(kept["answer"])
