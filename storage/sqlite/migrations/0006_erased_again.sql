-- Records of which several ops ask to erase one, or what an asking one says would remain: for whoever
-- decides on that to look through once, so that what is destroyed is said nowhere.
CREATE TABLE erased_again(
  collection INTEGER NOT NULL REFERENCES collection(id),
  rid BLOB NOT NULL CHECK(length(rid) = 16),
  PRIMARY KEY(collection, rid)
) STRICT, WITHOUT ROWID;
-- source: which element of the target the first one says again, to see once it is known which of those are
-- destroyed; -1: all of what is listed is.
ALTER TABLE erasure_copy RENAME TO erasure_copy_before;
CREATE TABLE erasure_copy(
  log INTEGER NOT NULL REFERENCES log(id),
  leaf INTEGER NOT NULL,
  field TEXT NOT NULL,
  first INTEGER NOT NULL,
  count INTEGER NOT NULL,
  target INTEGER NOT NULL REFERENCES log(id),
  target_leaf INTEGER NOT NULL,
  source INTEGER NOT NULL,
  PRIMARY KEY(log, leaf, field, first, count, target, target_leaf, source)
) STRICT, WITHOUT ROWID;
INSERT INTO erasure_copy SELECT *, -1 FROM erasure_copy_before;
DROP TABLE erasure_copy_before;
INSERT OR IGNORE INTO erased_again
  SELECT collection, rid FROM erasure GROUP BY target, leaf HAVING count(*) > 1 AND max(effect) = 2;
