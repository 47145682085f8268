"""Files in and out: the places of Charente and others, as published."""

import csv
import json
import os

from harness import Case, lieux


def rows_of(path):
    with open(path, encoding="utf-8") as source:
        return json.load(source)


def without_nothing(row):
    """Absent, null and empty are the same in these formats."""
    return {k: v for k, v in row.items() if v is not None and v != ""}


class Import(Case):
    def setUp(self):
        super().setUp()
        self.a = self.founder()

    def load(self, path, *args):
        return self.a.ok("import", path, "--collection", "lieux", *args)

    def test_charente_comes_back_as_it_went_in(self):
        path = lieux("charente.v1.json")
        rows = [without_nothing(r) for r in rows_of(path)]
        first = self.load(path)
        self.assertEqual(first["read"], len(rows))
        self.assertEqual(first["created"] + first["rejected"], len(rows))
        self.assertEqual(first["source"], "charente")
        self.assertEqual(first["missing"], [])
        rejected = {r["line"] for r in first["rejections"]}
        self.assertEqual(len(rejected), first["rejected"])

        # Importing it again changes nothing.
        before = self.a.digests()
        again = self.load(path)
        self.assertEqual((again["created"], again["changed"]), (0, 0))
        self.assertEqual(again["unchanged"], first["created"])
        self.assertEqual(again["commits"], 0)
        self.assertEqual(self.a.digests(), before)

        out = self.path("out.json")
        self.a.ok("export", "--collection", "lieux", "-o", out)
        exported = {r["id"]: r for r in rows_of(out)}
        wanted = {}
        for row in rows:
            if row.get("nom") and row.get("id"):
                wanted.setdefault(row["id"], row)
        self.assertEqual(exported, wanted)

    def test_every_format_reads_back(self):
        self.load(lieux("exemple-valide-v1.0.2.csv"), "--source", "exemple")
        before = self.a.digests()["catalogue/16"]
        for format_ in ("csv", "json", "jsonl", "geojson"):
            out = self.path("out." + format_)
            self.a.ok("export", "--collection", "lieux", "-o", out)
            done = self.load(out, "--source", "exemple")
            self.assertEqual((done["format"], done["created"], done["changed"]), (format_, 0, 0))
        self.assertEqual(self.a.digests()["catalogue/16"], before)

    def test_official_columns_lead(self):
        self.load(lieux("exemple-valide-v1.0.2.csv"))
        self.a.ok("put", "lieux", "nom=Autre", "zzz=1", "aaa=2")
        out = self.path("out.csv")
        self.a.ok("export", "--collection", "lieux", "-o", out)
        with open(out, encoding="utf-8", newline="") as source:
            columns = next(csv.reader(source))
        self.assertEqual(columns[:3], ["id", "pivot", "nom"])
        self.assertEqual(columns[-2:], ["aaa", "zzz"])

    def test_old_schema_is_kept_and_exported_as_new(self):
        done = self.load(lieux("charente.v0.1.json"))
        self.assertEqual(done["schema"], "v0.1")
        out = self.path("v1.json")
        self.a.ok("export", "--collection", "lieux", "--schema-version", "1", "-o", out)
        columns = {c for row in rows_of(out) for c in row}
        self.assertIn("frais_a_charge", columns)
        self.assertNotIn("conditions_acces", columns)
        self.refuses(self.a, 2, "export", "--collection", "lieux", "--schema-version", "7", "-o", out)

    def test_states_of_one_source(self):
        first = self.load(lieux("le-havre.1.json"))
        second = self.load(lieux("le-havre.2.json"))
        self.assertEqual(first["source"], "le-havre")
        self.assertEqual(second["source"], "le-havre")
        kept = first["created"] - len(second["missing"])
        self.assertEqual(second["changed"] + second["unchanged"], kept)
        # What is gone from the source is reported, and stays.
        for gone in second["missing"]:
            self.a.ok("get", "lieux", gone)

    def test_missing_rows_are_named(self):
        self.load(self.write("s.1.csv", "id,nom\n1,Un\n2,Deux\n3,Trois\n"))
        done = self.load(self.write("s.2.csv", "id,nom\n1,Un\n3,Trois bis\n"))
        self.assertEqual((done["unchanged"], done["changed"], len(done["missing"])), (1, 1, 1))
        self.assertEqual(self.a.ok("get", "lieux", done["missing"][0])["fields"]["nom"], "Deux")
        self.assertEqual(self.a.ok("get", "lieux", "2")["fields"]["nom"], "Deux")

    def test_own_corrections_and_deletions_outlive_the_source(self):
        path = self.write("s.csv", "id,nom,tel\n1,Un,05\n2,Deux,06\n")
        self.load(path)
        self.a.ok("put", "lieux", "--id", "1", "tel=0545")
        self.a.ok("delete", "lieux", "2")
        done = self.load(path)
        self.assertEqual((done["created"], done["changed"], done["unchanged"]), (0, 0, 2))
        self.assertEqual([w["line"] for w in done["warnings"]], [3])
        self.assertEqual(self.a.ok("get", "lieux", "1")["fields"]["tel"], "0545")
        self.refuses(self.a, 3, "get", "lieux", "2")

    def test_dry_run_tells_and_writes_nothing(self):
        path = lieux("charente.v1.json")
        before = self.a.digests()
        dry = self.load(path, "--dry-run")
        self.assertEqual(self.a.digests(), before)
        self.assertEqual(self.a.ok("find", "lieux")["total"], 0)
        real = self.load(path)
        for key in ("read", "created", "changed", "unchanged", "rejected"):
            self.assertEqual(dry[key], real[key], key)

    def test_rows_without_id_or_name_are_refused(self):
        done = self.load(self.write("s.csv", "id,nom\n1,Un\n,Deux\n3,\n1,Encore\n"))
        self.assertEqual((done["read"], done["created"], done["rejected"]), (4, 1, 3))
        self.assertEqual([r["line"] for r in done["rejections"]], [3, 4, 5])
        self.assertTrue(all(r["reason"] for r in done["rejections"]))

    def test_strict_refuses_what_the_schema_would_not_have(self):
        text = ("id,nom,services,latitude,longitude,code_postal,commune,adresse\n"
                "1,Un,Aide aux démarches administratives,45.6,0.1,16000,Angoulême,1 rue\n"
                "2,Deux,Rien de connu,45.6,0.1,ABC,Angoulême,2 rue\n")
        path = self.write("s.csv", text)
        loose = self.load(path, "--dry-run")
        self.assertEqual((loose["created"], loose["rejected"]), (2, 0))
        self.assertIn(3, {w["line"] for w in loose["warnings"]})
        bad = {w["line"] for w in loose["warnings"]}
        strict = self.a.run("import", path, "--collection", "lieux", "--strict")
        self.assertEqual(strict.code, 1)
        self.assertEqual(strict.json["created"], 2 - len(bad))
        self.assertEqual({r["line"] for r in strict.json["rejections"]}, bad)

    def test_a_broken_file_changes_nothing(self):
        rows = ["{\"id\": %d, \"nom\": \"n\"}" % i for i in range(5000)]
        path = self.write("s.jsonl", "\n".join(rows) + "\n{\"id\": oops}\n")
        error = self.refuses(self.a, 1, "import", path, "--collection", "lieux")
        self.assertIn("5001", error["message"])
        self.assertEqual(self.a.ok("find", "lieux")["total"], 0)

    def test_windows_1252_and_semicolons(self):
        path = self.path("s.csv")
        with open(path, "wb") as out:
            out.write("id;nom\r\n1;Médiathèque à l’œil\r\n".encode("cp1252"))
        self.assertEqual(self.load(path)["encoding"], "windows-1252")
        self.assertEqual(self.a.ok("get", "lieux", "1")["fields"]["nom"], "Médiathèque à l’œil")

    def test_all_published_files(self):
        for name in sorted(os.listdir(os.path.dirname(lieux("README.md")))):
            if not name.endswith((".json", ".csv")) or name.startswith("schema"):
                continue
            with self.subTest(name):
                first = self.a.run("import", lieux(name), "--collection", "lieux", "--source", name)
                again = self.a.run("import", lieux(name), "--collection", "lieux", "--source", name)
                if "error" in first.json:  # The France services list has no column named id.
                    self.assertEqual((first.code, again.code), (1, 1))
                    self.assertIn("`id`", first.json["error"]["message"])
                    continue
                self.assertEqual(again.json["unchanged"], first.json["created"])
        verified = self.a.ok("verify", "--deep")
        self.assertEqual(verified["errors"], [])

    def test_stdin_and_stdout(self):
        self.a.ok("import", "-", "--collection", "lieux", "--source", "s", "--format", "csv",
                  stdin=b"id,nom\n1,Un\n")
        out = self.a.run("export", "--collection", "lieux", json_output=False)
        self.assertEqual((out.code, out.out), (0, '"id",nom\n1,Un\n'))
        self.refuses(self.a, 2, "import", "-", "--collection", "lieux", "--format", "csv",
                     stdin=b"id,nom\n1,Un\n")
        self.refuses(self.a, 2, "export", "--collection", "lieux")

    def test_an_export_replaces_its_file_whole(self):
        self.load(self.write("s.csv", "id,nom\n1,Un\n"))
        out = self.write("out.csv", "old")
        self.a.ok("export", "--collection", "lieux", "-o", out)
        with open(out, encoding="utf-8") as text:
            self.assertEqual(text.read(), '"id",nom\n1,Un\n')
        self.assertFalse(os.path.exists(out + ".partial"))
        self.refuses(self.a, 3, "export", "--collection", "lieux", "-o", self.path("no/such/out.csv"))
