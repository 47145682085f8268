-- Records of which several ops ask to erase one, or what an asking one says would remain: for whoever
-- decides on that to look through once, so that what is destroyed is said nowhere.
CREATE TABLE erased_again(
  collection INTEGER NOT NULL REFERENCES collection(id),
  rid BLOB NOT NULL CHECK(length(rid) = 16),
  PRIMARY KEY(collection, rid)
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO erased_again
  SELECT collection, rid FROM erasure GROUP BY target, leaf HAVING count(*) > 1 AND max(effect) = 2;
