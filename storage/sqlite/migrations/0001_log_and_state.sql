-- What is shared: commits as received, feeds, and the records folded from them.

CREATE TABLE meta(
  key TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE space(
  id INTEGER PRIMARY KEY,
  sid BLOB NOT NULL UNIQUE CHECK(length(sid) = 32)
) STRICT;

CREATE TABLE feed(
  id INTEGER PRIMARY KEY,
  space INTEGER NOT NULL REFERENCES space(id),
  node BLOB NOT NULL CHECK(length(node) = 32),
  incarnation BLOB NOT NULL CHECK(length(incarnation) = 8),
  member BLOB NOT NULL CHECK(length(member) = 32),
  UNIQUE(space, node, incarnation)
) STRICT;

-- In an order that respects causality: what a commit depends on has a smaller id.
-- status: 0 applied, 1 held until its time comes. void: without effect.
CREATE TABLE log(
  id INTEGER PRIMARY KEY,
  cid BLOB NOT NULL UNIQUE CHECK(length(cid) = 32),
  feed INTEGER NOT NULL REFERENCES feed(id),
  seq INTEGER NOT NULL,
  hlc BLOB NOT NULL CHECK(length(hlc) = 8),
  status INTEGER NOT NULL,
  void INTEGER NOT NULL,
  header BLOB NOT NULL,
  signature BLOB NOT NULL CHECK(length(signature) = 64),
  body BLOB NOT NULL
) STRICT;
CREATE INDEX log_feed ON log(feed, seq);
CREATE INDEX log_held ON log(hlc) WHERE status = 1;

-- The last commit of every branch of every feed: together, the frontier.
CREATE TABLE tip(
  log INTEGER PRIMARY KEY REFERENCES log(id),
  space INTEGER NOT NULL REFERENCES space(id)
) STRICT;

-- Applied commits that no applied commit depends on: a new commit's deps.
CREATE TABLE head(
  log INTEGER PRIMARY KEY REFERENCES log(id),
  space INTEGER NOT NULL REFERENCES space(id)
) STRICT;

CREATE TABLE reissue(
  old BLOB NOT NULL CHECK(length(old) = 32),
  log INTEGER NOT NULL REFERENCES log(id),
  PRIMARY KEY(old, log)
) STRICT, WITHOUT ROWID;

-- Verified commits that wait for others.
CREATE TABLE pending(
  id INTEGER PRIMARY KEY,
  cid BLOB NOT NULL UNIQUE CHECK(length(cid) = 32),
  space BLOB NOT NULL CHECK(length(space) = 32),
  node BLOB NOT NULL CHECK(length(node) = 32),
  header BLOB NOT NULL,
  signature BLOB NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE INDEX pending_node ON pending(node);
CREATE INDEX pending_space ON pending(space);
CREATE TABLE pending_need(
  need BLOB NOT NULL CHECK(length(need) = 32),
  pending INTEGER NOT NULL REFERENCES pending(id) ON DELETE CASCADE,
  PRIMARY KEY(need, pending)
) STRICT, WITHOUT ROWID;
CREATE INDEX pending_need_pending ON pending_need(pending);

CREATE TABLE name(
  id INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE collection(
  id INTEGER PRIMARY KEY,
  space INTEGER NOT NULL REFERENCES space(id),
  name TEXT NOT NULL,
  UNIQUE(space, name)
) STRICT;

-- flags: 1 visible, 2 in conflict, 4 touched by a void op. source: who it was imported from.
-- doc: its entry in the search index, NULL while it waits for one.
CREATE TABLE record(
  id INTEGER PRIMARY KEY,
  collection INTEGER NOT NULL REFERENCES collection(id),
  rid BLOB NOT NULL CHECK(length(rid) = 16),
  flags INTEGER NOT NULL,
  source INTEGER,
  doc INTEGER,
  state BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX record_rid ON record(collection, rid);
CREATE INDEX record_visible ON record(collection) WHERE flags & 1;
CREATE INDEX record_conflict ON record(collection) WHERE flags & 2;
CREATE INDEX record_unindexed ON record(id) WHERE doc IS NULL;

CREATE TABLE doc(
  id INTEGER PRIMARY KEY,
  record INTEGER NOT NULL
) STRICT;
CREATE INDEX doc_record ON doc(record);
CREATE VIRTUAL TABLE search USING fts5(text, content='', tokenize="unicode61 remove_diacritics 2");

-- What both sides of a link last agreed on, so that a reconnection speaks of changes only.
CREATE TABLE agreed(
  peer BLOB NOT NULL CHECK(length(peer) = 32),
  space INTEGER NOT NULL REFERENCES space(id),
  frontier BLOB NOT NULL CHECK(length(frontier) = 32),
  log INTEGER NOT NULL,
  PRIMARY KEY(peer, space)
) STRICT, WITHOUT ROWID;

-- This node's own affairs; never replicated.
CREATE TABLE dial(
  url TEXT PRIMARY KEY,
  node BLOB CHECK(length(node) = 32)
) STRICT, WITHOUT ROWID;
CREATE TABLE invitation(
  token_hash BLOB PRIMARY KEY CHECK(length(token_hash) = 32),
  role INTEGER NOT NULL,
  region TEXT NOT NULL,
  expires INTEGER NOT NULL,
  used INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
