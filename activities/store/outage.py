"""What it looks like when the database is away or busy, for whoever has to say "try again" and knows no SQL."""

from __future__ import annotations

from sqlalchemy import exc

# Cancelled by a limit on time or locks, lost against another transaction, too many connections, going down.
PASSING = ("57014", "55P03", "40001", "40P01", "53300", "57P01", "57P02", "57P03")


def is_outage(error: BaseException) -> bool:
    """Whether the same call may well succeed a little later."""
    if isinstance(error, exc.DBAPIError):
        if error.connection_invalidated or isinstance(error, exc.InterfaceError | exc.OperationalError):
            return True
        return str(getattr(error.orig, "sqlstate", "") or "") in PASSING
    # Before a connection is made, the operating system speaks for itself; a socket that is gone is a missing file.
    return isinstance(error, exc.TimeoutError | ConnectionError | TimeoutError | FileNotFoundError)
