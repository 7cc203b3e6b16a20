"""Runs migrations on the connection that ``activities.store.migrate`` hands over, inside its transaction.

A new migration: ``alembic revision`` has no ini file to read here; copy the newest file in ``versions/``, give it the
next number, and let ``tests/activities/test_migrations.py`` say what is still missing.
"""

from __future__ import annotations

from alembic import context

from activities.store import order_tables, tables
from activities.store.metadata import metadata

# Importing the modules is what fills the metadata.
assert {tables.quotes.name, order_tables.orders.name} <= metadata.tables.keys()

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("migrations run through activities.store.migrate, which brings the connection")

context.configure(connection=connection, target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
