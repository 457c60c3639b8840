"""SQLite files of studies: how they are opened, recognised, compared and written. No queries."""

import contextlib
import json
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

APPLICATION_ID = 0x494D5453  # "IMTS" in the header of the file tells that it is one of ours.
VERSION = 1
TABLES = (
  "CREATE TABLE study (id TEXT NOT NULL, version INTEGER NOT NULL, description TEXT NOT NULL)",
  "CREATE TABLE participants (number INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, "
  "method TEXT NOT NULL, joined TEXT NOT NULL)",
  "CREATE TABLE trials (participant INTEGER NOT NULL REFERENCES participants, "
  "position INTEGER NOT NULL, kind TEXT NOT NULL, real TEXT NOT NULL, generated TEXT NOT NULL, "
  "generated_first INTEGER NOT NULL, presentations INTEGER NOT NULL DEFAULT 0, "
  "chosen INTEGER, first_exposure REAL, second_exposure REAL, response REAL, answered TEXT, "
  "PRIMARY KEY (participant, position))",
)


def create(path: Path, description: Mapping[str, Any]) -> None:
  """Makes the database of a study, or finds that it is there.

  Args:
    path: of the file; its folder is made.
    description: of the study, nested dicts of what JSON can hold. It replaces that of a study
      which nobody has joined yet: such a one binds nobody.

  Raises:
    ValueError: if the file is something else, or has participants under another description.
  """
  path.parent.mkdir(parents=True, exist_ok=True)
  text = json.dumps(description)
  with opened(path, "rwc") as connection, transaction(connection):
    if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
      connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
      for statement in TABLES:
        connection.execute(statement)
      fields = (secrets.token_hex(8), VERSION, text)
      connection.execute("INSERT INTO study VALUES (?, ?, ?)", fields)
    check_ours(path, connection)
    if not connection.execute("SELECT 1 FROM participants").fetchone():
      connection.execute("UPDATE study SET description = ?", (text,))
    old = json.loads(connection.execute("SELECT description FROM study").fetchone()[0])
  changes = changes_in_words(old, json.loads(text))
  if changes:
    raise ValueError(
      f"{path} holds the answers to a study with other settings ({'; '.join(changes)}): use the "
      "old ones, or another --database."
    )


@contextlib.contextmanager
def opened(path: Path, mode: str, *, close: bool = True) -> Iterator[sqlite3.Connection]:
  """Opens a file, and turns SQLite's errors into one sentence.

  Args:
    path: of the file.
    mode: "rw", or "rwc" to make it if it is not there.
    close: whether to close it at the end; after an error it always is.

  Yields:
    The connection: in autocommit mode, and every transaction reaches the disk.

  Raises:
    ValueError: for whatever SQLite raises.
  """
  connection = None
  try:
    connection = sqlite3.connect(
      f"{path.resolve().as_uri()}?mode={mode}",
      uri=True,
      isolation_level=None,
      check_same_thread=False,  # The store has a lock.
      timeout=10.0,
    )
    connection.execute("PRAGMA synchronous = FULL")
    yield connection
  except BaseException as error:
    if connection is not None:
      connection.close()
    if isinstance(error, sqlite3.Error):
      raise ValueError(
        f"{path} cannot be used as the database of a study ({error}): name another --database."
      ) from None
    raise
  if close:
    connection.close()


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
  """Makes all that is executed inside happen, and be on the disk, or not happen.

  Args:
    connection: in autocommit mode.

  Yields:
    Nothing.
  """
  connection.execute("BEGIN IMMEDIATE")
  try:
    yield
    connection.execute("COMMIT")
  except BaseException:
    if connection.in_transaction:  # A full disk may have ended it already.
      connection.execute("ROLLBACK")
    raise


def check_ours(path: Path, connection: sqlite3.Connection) -> None:
  """Raises ValueError if a database is not one of a study.

  Args:
    path: of the file, for the message.
    connection: to it.
  """
  found = connection.execute("PRAGMA application_id").fetchone()[0]
  if found != APPLICATION_ID:
    raise ValueError(f"{path} is not the database of a study: name another --database.")
  version = connection.execute("SELECT version FROM study").fetchone()[0]
  if version != VERSION:
    raise ValueError(
      f"{path} is of version {version}, this program reads {VERSION}: use the program it is of."
    )


def changes_in_words(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
  """What differs between two descriptions.

  Args:
    old: {"settings": {name: value}, "real": digest, "methods": {name: digest}}.
    new: the same of another study.

  Returns:
    Phrases such as "trials was 40, now 20"; none if they are equal.
  """
  changes = [
    f"{name} was {old['settings'].get(name)}, now {new['settings'].get(name)}"
    for name in sorted(old["settings"].keys() | new["settings"].keys())
    if old["settings"].get(name) != new["settings"].get(name)
  ]
  if old["real"] != new["real"]:
    changes.append("the real pictures are others")
  for name in sorted(old["methods"].keys() | new["methods"].keys()):
    if name not in new["methods"]:
      changes.append(f"{name} is missing")
    elif name not in old["methods"]:
      changes.append(f"{name} is new")
    elif old["methods"][name] != new["methods"][name]:
      changes.append(f"the pictures of {name} are others")
  return changes
