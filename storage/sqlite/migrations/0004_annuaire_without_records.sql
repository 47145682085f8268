-- annuaire, the space of the federation's first commit, has no records any more: ops on records do
-- nothing there.
CREATE TEMP TABLE of_annuaire AS
  SELECT c.id FROM collection c JOIN feed f ON f.space = c.space JOIN log l ON l.feed = f.id
  JOIN meta m ON m.key = 'federation' AND m.value = l.cid;
DELETE FROM doc WHERE record IN (SELECT id FROM record WHERE collection IN of_annuaire);
DELETE FROM record WHERE collection IN of_annuaire;
DELETE FROM collection WHERE id IN of_annuaire;
DROP TABLE of_annuaire;
