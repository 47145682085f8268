-- Parts of ops that say what was destroyed of another one (target, by), written by somebody who had not
-- heard of the erasure: for their author's member to erase as well. count 0: all of the field.
CREATE TABLE erasure_copy(
  log INTEGER NOT NULL REFERENCES log(id),
  leaf INTEGER NOT NULL,
  field TEXT NOT NULL,
  first INTEGER NOT NULL,
  count INTEGER NOT NULL,
  target INTEGER NOT NULL REFERENCES log(id),
  target_leaf INTEGER NOT NULL,
  PRIMARY KEY(log, leaf, field, first, count, target, target_leaf)
) STRICT, WITHOUT ROWID;
