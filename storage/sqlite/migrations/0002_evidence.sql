-- status 2: aside, stored but outside the frontier, because nobody vouches for it.
CREATE INDEX log_aside ON log(feed) WHERE status = 2;
CREATE INDEX feed_node ON feed(node);

-- What annuaire has no evidence of yet. first and second: two commits of one feed and number; first
-- alone: a node that writes under too many incarnations.
CREATE TABLE suspect(
  first INTEGER PRIMARY KEY REFERENCES log(id),
  second INTEGER REFERENCES log(id)
) STRICT;

-- Records that belong to a member (flag 8), to be folded again when somebody inherits.
CREATE INDEX record_owned ON record(id) WHERE flags & 8;
