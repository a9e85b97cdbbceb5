"""What reading an uploaded list of 200,000 lines costs: `python -m tests.bench.upload_of_200000`.

    [--lines N]

Each kind of file (CSV, and XLSX with text cells) is kept and read into entries over a scratch database, in a process of its
own. Prints the seconds and the peak memory over an idle process, each against its limit; ends with 1 when one is passed.
"""

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from tests.bench import peak_memory

MOST_SECONDS = 10.0
MOST_MB = 100.0
KINDS = ("csv", "xlsx")


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--lines", type=int, default=200_000)
    options.add_argument("--file", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.file:
        return measure(Path(given.file))
    code = 0
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            path = Path(folder, f"list.{kind}")
            path.write_bytes(csv_of(given.lines) if kind == "csv" else workbook_of(given.lines))
            os.environ["ROLLCALL_DATABASE_URL"] = f"sqlite:///{folder}/{kind}.sqlite3"
            command = [sys.executable, "-m", "tests.bench.upload_of_200000", "--file", str(path)]
            code |= subprocess.run(command, check=False).returncode
    return code


def row_of(number: int) -> list[str]:
    return [f"Customer {number % 5000}", str(uuid.UUID(int=number)), f"{number / 100:.2f}"]


def csv_of(lines: int) -> bytes:
    rows = (",".join(row_of(number)) for number in range(1, lines + 1))
    return "\n".join(["Customer,Account ID,Amount", *rows]).encode()


def workbook_of(lines: int) -> bytes:
    import openpyxl

    book, file = openpyxl.Workbook(write_only=True), io.BytesIO()
    sheet = book.create_sheet()
    sheet.append(["Customer", "Account ID", "Amount"])
    for number in range(1, lines + 1):
        sheet.append(row_of(number))
    book.save(file)
    return file.getvalue()


def measure(path: Path) -> int:
    import django
    from django.core.management import call_command

    os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
    django.setup()
    call_command("migrate", verbosity=0)
    from django.contrib.auth.models import User

    from dashboard.models import Upload
    from dashboard.services import lookup, uploads

    collector = User.objects.create_user("collector")
    idle = peak_memory()
    started, busy = time.perf_counter(), time.process_time()
    upload = uploads.keep(collector, uuid.uuid4(), content=path.read_bytes(), name=path.name)
    Upload.objects.filter(pk=upload.pk).update(state=Upload.State.RUNNING)
    lookup.read_lines(upload)
    seconds, growth = time.perf_counter() - started, peak_memory() - idle
    print(f"{path.suffix[1:]}: {uploads.counts(upload)['waiting']:,} lines read")
    print(f"  {time.process_time() - busy:.1f} s of processor time")
    print(f"  {seconds:.1f} s, limit {MOST_SECONDS:g}: ratio {seconds / MOST_SECONDS:.2f}")
    print(f"  {growth:.0f} MB, limit {MOST_MB:g}: ratio {growth / MOST_MB:.2f}")
    return 1 if seconds > MOST_SECONDS or growth > MOST_MB else 0


if __name__ == "__main__":
    sys.exit(main())
