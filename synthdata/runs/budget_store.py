"""How much privacy all runs on one source have cost together, kept in a database that several people may share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthdata.errors import MissingExtraError, PrivacyError
from synthdata.runs.store import now

if TYPE_CHECKING:
    from sqlalchemy import Engine, MetaData

#: names another place than the default, as a path or any URL that SQLAlchemy knows
VARIABLE = "SYNTHDATA_BUDGET"


@dataclass(frozen=True)
class Spending:
    """One run's entry: ``state`` is ``reserved`` until the run has settled what it really spent."""

    started: str
    model: str
    source: str
    epsilon: float
    delta: float
    state: str


@dataclass(frozen=True)
class Account:
    """What a source's runs have cost together, by simple addition, and the most that they may."""

    fingerprint: str
    epsilon: float
    delta: float
    cap: float | None
    spendings: tuple[Spending, ...]

    def facts(self) -> dict[str, Any]:
        """What reports say of it."""
        return {"epsilon": self.epsilon, "delta": self.delta, "cap": self.cap, "runs": len(self.spendings)}


class BudgetStore:
    """Accounts by the fingerprint of a source.

    An ε is reserved in one statement that also holds it to the cap, so that runs at the same time cannot overdraw it
    together; a run that ends early keeps its reservation, since it may have looked.

    Args:
        place: a path of a SQLite file, or a URL for SQLAlchemy; by default what the variable ``SYNTHDATA_BUDGET``
            names, or ``synthdata/budget.sqlite`` among the user's data.
    """

    def __init__(self, place: str | Path | None = None) -> None:
        text = str(place or os.environ.get(VARIABLE) or _default_place())
        self.url = text if "://" in text else f"sqlite:///{Path(text).expanduser()}"
        self._engine: Engine | None = None

    def account(self, fingerprint: str) -> Account:
        """What is on record of a source; nothing spent and no cap where there is nothing."""
        from sqlalchemy import text

        with self._work() as connection:
            found = connection.execute(
                text("SELECT epsilon, delta, cap FROM accounts WHERE fingerprint = :fingerprint"),
                {"fingerprint": fingerprint},
            ).first()
            rows = connection.execute(
                text(
                    "SELECT started, model, source, epsilon, delta, state FROM spendings "
                    "WHERE fingerprint = :fingerprint ORDER BY id"
                ),
                {"fingerprint": fingerprint},
            ).all()
        epsilon, delta, cap = found or (0.0, 0.0, None)
        # What additions and subtractions of floats leave over is nothing.
        return Account(fingerprint, round(epsilon, 9), delta, cap, tuple(Spending(*row) for row in rows))

    def set_cap(self, fingerprint: str, cap: float) -> None:
        """Hold all runs on a source to a total ε.

        Raises:
            PrivacyError: the cap is not above 0.
        """
        from sqlalchemy import text

        if not cap > 0:
            raise PrivacyError(f"A cap must be above 0, found {cap}.", "It is the most that all runs may spend.")
        self._open_account(fingerprint)
        with self._work() as connection:
            connection.execute(
                text("UPDATE accounts SET cap = :cap WHERE fingerprint = :fingerprint"),
                {"cap": cap, "fingerprint": fingerprint},
            )

    def reserve(self, fingerprint: str, epsilon: float, delta: float, *, model: str, source: str) -> int:
        """Set an ε aside before a run looks at its source; the number to settle it by.

        Raises:
            PrivacyError: the cap does not allow it; nothing is spent.
        """
        return self.reserve_each(fingerprint, epsilon, delta, models=[model], source=source)[0]

    def reserve_each(
        self, fingerprint: str, epsilon: float, delta: float, *, models: Sequence[str], source: str
    ) -> list[int]:
        """Set the same ε aside for each of several runs, or for none; the numbers to settle them by, in their order.

        Raises:
            PrivacyError: the cap does not allow all of them together; nothing is spent.
        """
        from sqlalchemy import insert, text

        self._open_account(fingerprint)
        values = {"fingerprint": fingerprint, "epsilon": epsilon, "delta": delta}
        times = len(models)
        with self._work() as connection:
            granted = connection.execute(
                text(
                    "UPDATE accounts SET epsilon = epsilon + :epsilon, delta = delta + :delta WHERE fingerprint = "
                    ":fingerprint AND (cap IS NULL OR epsilon + :epsilon <= cap + 1e-9)"
                ),
                {**values, "epsilon": times * epsilon, "delta": times * delta},
            ).rowcount
            if granted:
                entries = []
                for model in models:
                    about = {"started": now(), "model": model[:100], "source": source[:1000], "state": "reserved"}
                    entry = connection.execute(insert(_tables().tables["spendings"]).values(**values, **about))
                    entries.append(int(entry.inserted_primary_key[0]))
                return entries
        raise _used_up(self.account(fingerprint), epsilon, times)

    def require_room(self, fingerprint: str, epsilon: float) -> None:
        """Refuse early what `reserve` would refuse, before a run leaves anything.

        Raises:
            PrivacyError: the cap does not allow it.
        """
        account = self.account(fingerprint)
        if account.cap is not None and account.epsilon + epsilon > account.cap + 1e-9:
            raise _used_up(account, epsilon)

    def release(self, entry: int) -> None:
        """Give back what a run reserved that has ended before it looked; nothing where it has settled already."""
        from sqlalchemy import text

        with self._work() as connection:
            state = connection.execute(text("SELECT state FROM spendings WHERE id = :id"), {"id": entry}).scalar()
        if state == "reserved":
            self.settle(entry, 0.0, 0.0)

    def settle(self, entry: int, epsilon: float, delta: float) -> None:
        """Write down what a run really spent in place of what it had reserved."""
        from sqlalchemy import text

        with self._work() as connection:
            row = connection.execute(
                text("SELECT fingerprint, epsilon, delta FROM spendings WHERE id = :id AND state = 'reserved'"),
                {"id": entry},
            ).first()
            if row is None:
                raise PrivacyError(f"The budget has no open reservation number {entry}.")
            connection.execute(
                text(
                    "UPDATE accounts SET epsilon = epsilon + :epsilon, delta = delta + :delta "
                    "WHERE fingerprint = :fingerprint"
                ),
                {"fingerprint": row[0], "epsilon": epsilon - row[1], "delta": delta - row[2]},
            )
            connection.execute(
                text("UPDATE spendings SET epsilon = :epsilon, delta = :delta, state = 'spent' WHERE id = :id"),
                {"id": entry, "epsilon": epsilon, "delta": delta},
            )

    def _open_account(self, fingerprint: str) -> None:
        from sqlalchemy import text
        from sqlalchemy.exc import IntegrityError

        try:
            with self._work() as connection:
                connection.execute(
                    text("INSERT INTO accounts (fingerprint, epsilon, delta) VALUES (:fingerprint, 0, 0)"),
                    {"fingerprint": fingerprint},
                )
        except IntegrityError:
            # Somebody else has opened it, earlier or just now.
            return

    @contextmanager
    def _work(self) -> Iterator[Any]:
        """A transaction, begun for writing; made durable when the block ends well.

        Raises:
            PrivacyError: the database cannot be used; without its record nothing may be spent.
        """
        try:
            from sqlalchemy.exc import IntegrityError, SQLAlchemyError
        except ModuleNotFoundError:
            raise MissingExtraError("sqlalchemy", "privacy") from None
        try:
            with self._connected().begin() as connection:
                yield connection
        except IntegrityError:
            raise
        except ModuleNotFoundError as error:
            raise MissingExtraError(str(error.name), "sql") from None
        except (SQLAlchemyError, OSError) as error:
            raise PrivacyError(
                f"The record of budgets cannot be used ({type(error).__name__}).",
                f"Check the place that {VARIABLE} names, and its password; without a record nothing is spent.",
            ) from None

    def _connected(self) -> Engine:
        if self._engine is None:
            self._engine = _engine(self.url)
            _make_tables(self._engine)
        return self._engine


def _used_up(account: Account, epsilon: float, times: int = 1) -> PrivacyError:
    asked = f"this run asks for {epsilon:g}" if times == 1 else f"{times} fits ask for {epsilon:g} each"
    return PrivacyError(
        f"The budget of this source is used up: epsilon = {account.epsilon:.4g} of {account.cap or 0:g} is spent, and "
        f"{asked}.",
        "Ask for less, or raise the cap: synthdata budget SOURCE --cap E.",
    )


def _engine(url: str) -> Engine:
    from sqlalchemy import create_engine, event
    from sqlalchemy.engine import make_url
    from sqlalchemy.pool import NullPool

    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        # The drivers that the extra `sql` brings, where the URL leaves the choice open.
        drivers = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}
        return create_engine(
            parsed.set(drivername=drivers.get(parsed.drivername, parsed.drivername)), poolclass=NullPool
        )
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": 60, "isolation_level": None})

    # A transaction that begins by reading could not turn into a writing one beside another; so all begin as writers.
    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _make_tables(engine: Engine) -> None:
    from sqlalchemy.exc import DBAPIError

    try:
        _tables().create_all(engine)
    except DBAPIError:
        # Somebody else has made them between the question and the answer; where it was something else it comes again.
        _tables().create_all(engine)


def _tables() -> MetaData:
    from sqlalchemy import Column, Double, Integer, MetaData, String, Table

    tables = MetaData()
    Table(
        "accounts",
        tables,
        Column("fingerprint", String(64), primary_key=True),
        Column("epsilon", Double, nullable=False),
        Column("delta", Double, nullable=False),
        Column("cap", Double),
    )
    Table(
        "spendings",
        tables,
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("fingerprint", String(64), nullable=False, index=True),
        Column("started", String(40), nullable=False),
        Column("model", String(100), nullable=False),
        Column("source", String(1000), nullable=False),
        Column("epsilon", Double, nullable=False),
        Column("delta", Double, nullable=False),
        Column("state", String(10), nullable=False),
    )
    return tables


def _default_place() -> Path:
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "synthdata" / "budget.sqlite"
