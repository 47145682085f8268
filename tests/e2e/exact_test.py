"""Export gives back every column and every value of the source: published files in, every format
out, compared by Python's own readers of CSV and JSON with the file that went in."""

import csv
import json
import unittest

from harness import Case, lieux

FILES = ("charente.v0.1.json", "charente.v1.json", "conseillers-numeriques-permanences.json")

# The columns of the two versions of the national schema, in their order.
V01 = """id pivot nom commune code_postal code_insee adresse complement_adresse latitude longitude
    cle_ban typologie telephone courriel site_web horaires presentation_resume presentation_detail
    source structure_parente date_maj services publics_accueillis conditions_acces labels_nationaux
    labels_autres modalites_accompagnement accessibilite prise_rdv""".split()
V1 = [field["name"] for field in
      json.load(open(lieux("schema-lieux-mediation-numerique-v1.0.2.json"), encoding="utf-8"))
      ["fields"]]


def objects(path):
    """The records of a JSON file, numbers as they are written; null is no value."""
    with open(path, encoding="utf-8") as source:
        rows = json.load(source, parse_float=Digits, parse_int=Digits)
    if isinstance(rows, dict):
        rows = [feature["properties"] for feature in rows["features"]]
    return [{k: v for k, v in row.items() if v is not None} for row in rows]


class Digits(str):
    """A number, which equals another only digit for digit, and never a text."""

    def __eq__(self, other):
        return isinstance(other, Digits) and str.__eq__(self, other)

    def __ne__(self, other):
        return not self == other

    __hash__ = str.__hash__


def text_of(value):
    """What stands in a CSV cell for a value of JSON."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return compact(value)


def compact(value):
    if isinstance(value, Digits):
        return str(value)
    if isinstance(value, list):
        return "[" + ",".join(map(compact, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{compact(k)}:{compact(v)}" for k, v in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


class Exact(Case):
    def setUp(self):
        super().setUp()
        self.a = self.founder()

    def load(self, path, *args):
        return self.a.ok("import", path, "--collection", "lieux", *args)

    def export(self, name):
        out = self.path(name)
        self.a.ok("export", "--collection", "lieux", "-o", out)
        return out

    def same_objects(self, path, source):
        got = objects(path)
        self.assertEqual([row["id"] for row in got], [row["id"] for row in source])
        for ours, theirs in zip(got, source):
            self.assertEqual(ours, theirs)

    def same_table(self, path, source, columns):
        with open(path, encoding="utf-8", newline="") as table:
            header, *rows = csv.reader(table)
        self.assertEqual(header[:len(columns)], columns)
        self.assertEqual(len(set(header)), len(header))
        self.assertEqual(set(header), set(columns) | {name for row in source for name in row})
        self.assertEqual(len(rows), len(source))
        for cells, theirs in zip(rows, source):
            self.assertEqual(cells, [text_of(theirs.get(name, "")) for name in header])

    def exactly(self, name, columns):
        self.load(lieux(name), "--source", "s")
        source = objects(lieux(name))
        self.same_objects(self.export("out.json"), source)
        with open(self.export("out.jsonl"), encoding="utf-8") as lines:
            listed = "[" + ",".join(lines) + "]"
        self.same_objects(self.write("listed.json", listed), source)
        self.same_objects(self.export("out.geojson"), source)
        table = self.export("out.csv")
        self.same_table(table, source, columns)
        # And none of these says anything new to the source that it came from.
        for out in ("out.json", "out.jsonl", "out.geojson", "out.csv"):
            done = self.load(self.path(out), "--source", "s")
            self.assertEqual((done["unchanged"], done["missing"]), (len(source), []), out)

    def test_charente_v01(self):
        self.exactly("charente.v0.1.json", V01)

    def test_charente_v1(self):
        self.exactly("charente.v1.json", V1)

    def test_permanences(self):
        self.exactly("conseillers-numeriques-permanences.json", V01)


if __name__ == "__main__":
    unittest.main()
