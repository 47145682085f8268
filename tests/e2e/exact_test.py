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

    def test_an_id_column_in_capitals(self):
        source = [{"ID": Digits("1"), "Nom": "Maison", "Code postal": Digits("16000")},
                  {"ID": Digits("2"), "Nom": "Atelier", "ouvert": "oui"}]
        text = '[{"ID": 1, "Nom": "Maison", "Code postal": 16000}, ' \
               '{"ID": 2, "Nom": "Atelier", "ouvert": "oui"}]'
        for collection in ("lieux", "autres"):
            def load(path):
                return self.a.ok("import", path, "--collection", collection, "--source", "s")
            self.assertEqual(load(self.write("s.json", text))["created"], 2)
            for kind in ("json", "jsonl", "geojson", "csv"):
                out = self.path("out." + kind)
                self.a.ok("export", "--collection", collection, "-o", out)
                if kind == "csv":
                    with open(out, encoding="utf-8", newline="") as table:
                        header = next(csv.reader(table))
                    self.assertEqual(header[0], "ID")
                    self.assertEqual(len({name.lower() for name in header}), len(header))
                elif kind != "jsonl":
                    self.assertEqual(objects(out), source)
                done = load(out)
                self.assertEqual((done["unchanged"], done["created"], done["missing"]), (2, 0, []))
            shown = self.a.run("find", collection, json_output=False)
            self.assertIn("Maison", shown.out)
            # What was typed in here is named in the same column.
            made = self.a.ok("put", collection, "nom=Ici")["id"]
            more = self.path("more.json")
            self.a.ok("export", "--collection", collection, "-o", more)
            self.assertEqual(objects(more)[2], {"ID": made, "nom": "Ici"})

    def test_two_id_columns(self):
        for i, header in enumerate(("ID,id,nom", "id,ID,nom")):
            path = self.write(f"s{i}.csv", header + "\n1,2,Maison\n")
            self.load(path, "--source", f"s{i}")
            done = self.load(self.export("out.csv"), "--source", f"s{i}")
            self.assertEqual(done["unchanged"], 1, header)
            self.a.ok("delete", "lieux", self.a.ok("find", "lieux")["records"][0]["id"])


if __name__ == "__main__":
    unittest.main()
