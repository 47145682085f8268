-- Ops that ask to erase another, each once for every leaf that it means: what was published again is
-- meant as well. effect: 0 none, 1 hides, 2 destroys.
CREATE TABLE erasure(
  target INTEGER NOT NULL REFERENCES log(id),
  leaf INTEGER NOT NULL,
  log INTEGER NOT NULL REFERENCES log(id),
  by_leaf INTEGER NOT NULL,
  effect INTEGER NOT NULL,
  collection INTEGER NOT NULL REFERENCES collection(id),
  rid BLOB NOT NULL CHECK(length(rid) = 16),
  PRIMARY KEY(target, leaf, log, by_leaf)
) STRICT, WITHOUT ROWID;
CREATE INDEX erasure_log ON erasure(log);
CREATE INDEX erasure_record ON erasure(collection, rid);
CREATE INDEX erasure_open ON erasure(log) WHERE effect < 2;
