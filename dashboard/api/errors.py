"""What can go wrong between us and the vendor.

    ApiError
    ├── Unreachable     no byte of the request reached the vendor
    ├── Unavailable     no answer, half an answer, or "something broke here" (5xx)
    ├── RateLimited     429
    ├── Refused         a well-formed no: 3xx, 400, 405, 409, 413, 415, 422, `success: false`
    │   ├── NotAllowed  401, 403
    │   └── NotFound    404
    └── Malformed       an answer that cannot be read

Only `Unavailable` and `Malformed` can leave the fate of a write open; they say so in `may_have_happened`.
"""


class ApiError(Exception):
    """Any failed call. `message` is for people; no text here ever holds the API key."""

    retry_after: float | None = None

    def __init__(
        self, message: str, *, may_have_happened: bool = False, status: int | None = None, raw: str = ""
    ) -> None:
        """`status`: of HTTP. `raw`: the answer's text, cleaned, at most 64 KB, "" where none came."""
        super().__init__(message)
        self.message = message
        self.may_have_happened = may_have_happened
        self.status = status
        self.raw = raw


class Unreachable(ApiError):
    """Provably not sent. `certificate`: it is the vendor's certificate that cannot be trusted."""

    def __init__(self, message: str, *, host: str = "", certificate: bool = False) -> None:
        super().__init__(message)
        self.host = host
        self.certificate = certificate


class Unavailable(ApiError):
    """No usable answer: time is up (`timed_out`), connection lost, 5xx. A write may have happened."""

    timed_out = False


class RateLimited(ApiError):
    """429. `asked_wait`: the seconds the vendor asks for; `retry_after`: the same, kept within 0 to 300."""

    def __init__(
        self, message: str, *, asked_wait: float | None = None, status: int | None = 429, raw: str = ""
    ) -> None:
        super().__init__(message, status=status, raw=raw)
        self.asked_wait = asked_wait
        self.retry_after = None if asked_wait is None else min(max(asked_wait, 0.0), 300.0)


class Refused(ApiError):
    """The vendor understood and said no: nothing was done. `fields`: those of the request that it finds fault with."""

    fields: frozenset[str] = frozenset()


class NotAllowed(Refused):
    """The key is not accepted (`key_rejected`), or lacks `scope`."""

    def __init__(
        self, message: str, *, scope: str | None = None, status: int | None = 403, raw: str = ""
    ) -> None:
        super().__init__(message, status=status, raw=raw)
        self.scope = scope
        self.key_rejected = scope is None


class NotFound(Refused):
    """No such record in this workspace."""


class Malformed(ApiError):
    """The answer cannot be read. A write may have happened."""
