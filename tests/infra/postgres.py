"""A PostgreSQL server for a test: in a folder of its own, on loopback, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2

PASSWORD = "of-a-test"
_SECONDS = 60


def binaries() -> Path | None:
    """The folder with initdb and pg_ctl; Debian keeps them out of the PATH."""
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    if found := shutil.which("initdb"):
        places.append(Path(found).resolve().parent)
    return next((place for place in places if (place / "initdb").exists() and (place / "pg_ctl").exists()), None)


@dataclass(frozen=True)
class Server:
    """Where it listens. `admin` may make users and owns the database, and is no superuser, as on Cloud SQL."""

    port: int
    database: str = "dagster"
    admin: str = "admin"

    def query(self, sql: str, *, user: str, password: str = PASSWORD) -> list[tuple]:
        """The rows of a statement, committed; none where it has none."""
        with (
            psycopg2.connect(
                host="127.0.0.1", port=self.port, user=user, password=password, dbname=self.database, connect_timeout=10
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def postgres() -> Iterator[Server]:
    """Run a server. PostgreSQL refuses to run as root, so root lends it another name."""
    folder = binaries()
    assert folder is not None
    user = None
    if os.geteuid() == 0:
        user = next(name for name in ("postgres", "nobody") if _exists(name))
    home = Path(tempfile.mkdtemp(prefix="fit-postgres-"))
    if user:
        shutil.chown(home, user)

    def run(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(folder / program), *arguments],
            user=user,
            cwd=home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    secret = home / "password"
    secret.write_text(PASSWORD)
    if user:
        shutil.chown(secret, user)
    try:
        access = ("--username=root", f"--pwfile={secret}", "--auth=scram-sha-256")
        run("initdb", "--pgdata=data", "--encoding=UTF8", "--no-sync", *access)
        options = f"-h 127.0.0.1 -p {port} -k {home} -c fsync=off"
        run("pg_ctl", "start", "--pgdata=data", "--wait", "--silent", "--log=log", f"--options={options}")
        try:
            root = Server(port, database="postgres")
            root.query(f"CREATE ROLE admin LOGIN CREATEROLE CREATEDB PASSWORD '{PASSWORD}'", user="root")
            _autocommit(port, "CREATE DATABASE dagster OWNER admin")
            yield Server(port)
        finally:
            run("pg_ctl", "stop", "--pgdata=data", "--mode=immediate", "--silent")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _autocommit(port: int, sql: str) -> None:
    connection = psycopg2.connect(host="127.0.0.1", port=port, user="root", password=PASSWORD, dbname="postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(sql)
    connection.close()


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
