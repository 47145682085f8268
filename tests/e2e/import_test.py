"""Files in and out: the places of Charente and others, as published."""

import csv
import json
import os

from harness import Case, lieux


def rows_of(path):
    with open(path, encoding="utf-8") as source:
        return json.load(source)


def without_null(row):
    """Absent and null are the same."""
    return {k: v for k, v in row.items() if v is not None}


V1 = [field["name"] for field in rows_of(lieux("schema-lieux-mediation-numerique-v1.0.2.json"))
      ["fields"]]
TABLE_OF_ONE = '"id",' + ",".join(V1[1:]) + "\n1,,Un" + "," * 29 + "\n"


class Import(Case):
    def setUp(self):
        super().setUp()
        self.a = self.founder()

    def load(self, path, *args):
        return self.a.ok("import", path, "--collection", "lieux", *args)

    def test_charente_comes_back_as_it_went_in(self):
        path = lieux("charente.v1.json")
        rows = [without_null(r) for r in rows_of(path)]
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
        self.assertEqual(columns[:32], V1)
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

    def test_refused_rows_are_told_on_stderr(self):
        path = self.write("s.csv", "id,nom\n1,Un\n" + ",Sans\n" * 30)
        for args in ((), ("--quiet",)):
            for as_json in (False, True):
                done = self.a.run("import", path, "--collection", "lieux", *args,
                                  json_output=as_json)
                self.assertEqual(done.code, 0)
                self.assertEqual(
                    done.err.splitlines()[-1:],
                    ["maillon: 30 row(s) are refused; line 3 id: no id: fill `id` — "
                     "correct them, then import again"])
        self.assertEqual(len(self.load(path)["rejections"]), 30)
        # One reason, one line.
        said = self.a.run("import", path, "--collection", "lieux", json_output=False).out
        self.assertIn("  refused, 30 rows (lines 3, 4, 5, 6, 7, …) id: no id: fill `id`\n", said)
        self.assertEqual(said.count("no id"), 1)

    def test_ids_of_several_producers(self):
        path = lieux("data-inclusion.json")
        plain = self.a.run("import", path, "--collection", "lieux")
        self.assertEqual((plain.code, plain.json["rejected"]), (0, 190))
        self.assertIn("the ids repeat under different `source`: import with --source-column source",
                      plain.err)
        said = self.a.run("import", path, "--collection", "lieux", json_output=False).out
        self.assertEqual(said.count("refused, "), 1)
        done = self.load(path, "--source", "di", "--source-column", "source")
        self.assertEqual((done["read"], done["created"], done["rejected"]), (2632, 2632, 0))
        again = self.load(path, "--source", "di", "--source-column", "source")
        self.assertEqual((again["unchanged"], again["missing"]), (2632, []))
        self.refuses(self.a, 1, "import", path, "--collection", "lieux", "--source-column", "no")

    def test_missing_rows_of_several_producers(self):
        args = ("--source", "s", "--source-column", "source")
        rows = ["id,nom,source", "1,Un,dora", "2,Deux,dora", "1,Trois,odspep", "2,Quatre,"]
        self.assertEqual(self.load(self.write("a.csv", "\n".join(rows) + "\n"), *args)["created"], 4)
        # One row of a producer is gone, and all of another's; a like name is somebody else's.
        self.load(self.write("c.csv", "id,nom\n1,Autre\n"), "--source", "s2/dora")
        done = self.load(self.write("b.csv", "\n".join(rows[:2] + rows[4:]) + "\n"), *args)
        names = [self.a.ok("get", "lieux", i)["fields"]["nom"] for i in done["missing"]]
        self.assertEqual(sorted(names), ["Deux", "Trois"])
        # The same record by whatever road.
        done = self.load(self.write("d.csv", "id,nom,source\n1,Un,dora\n"), "--source", "s/dora")
        self.assertEqual(done["unchanged"], 1)

    def test_empty_texts_are_values(self):
        def state(value):
            return self.load(self.write("s.json", '[{"id":"1","nom":"Un","horaires":%s}]' % value))
        state('"Mo"')
        self.assertEqual(state('""')["changed"], 1)
        self.assertEqual(self.a.ok("get", "lieux", "1")["fields"]["horaires"], "")
        self.assertEqual(state('""')["unchanged"], 1)
        self.assertEqual(self.load(self.write("s.csv", "id,nom\n1,Un\n"))["unchanged"], 1)
        self.assertEqual(state('null')["changed"], 1)
        self.assertNotIn("horaires", self.a.ok("get", "lieux", "1")["fields"])
        refused = self.a.run("import", self.write("s.json", '[{"id":"2","nom":""}]'),
                             "--collection", "lieux")
        self.assertEqual((refused.code, refused.json["rejected"]), (1, 1))

    def test_formulas_are_guarded_and_come_back(self):
        names = ["=1+1", "- Avenue Paul Mairat", "-2+3", "'=x", "\n=x", "+33 5 45", "- l'eau"]
        rows = [{"id": str(i), "nom": name} for i, name in enumerate(names)]
        self.load(self.write("s.json", json.dumps(rows)))
        out = self.path("out.csv")
        self.a.ok("export", "--collection", "lieux", "-o", out)
        with open(out, encoding="utf-8", newline="") as source:
            cells = [row["nom"] for row in csv.DictReader(source)]
        self.assertEqual(cells, ["'=1+1", "- Avenue Paul Mairat", "'-2+3", "''=x", "'\n=x",
                                 "+33 5 45", "'- l'eau"])
        self.assertEqual(self.load(out, "--source", "s")["unchanged"], len(rows))

    def test_points_to_check_of_touched_rows_only(self):
        head = "id,nom,commune,adresse,code_postal\n"
        rows = ["%d,n,c,a,X%d\n" % (i, i) for i in range(1200)]
        path = self.write("s.csv", head + "".join(rows))

        def said(*args):
            return self.a.run("import", path, "--collection", "lieux", *args, json_output=False).out
        self.assertNotIn("check", said("--dry-run", "--quiet"))
        first = said()
        self.assertEqual(first.count("to check, line"), 20)
        self.assertIn("3\u202f600 points to check in all", first)  # pivot and date_maj, too
        rows[700] = rows[700].replace("n,c", "autre,c")
        self.write("s.csv", head + "".join(rows))
        again = said()
        self.assertEqual(again.count("to check, line 702 "), 3)
        self.assertEqual(again.count("to check, line"), 3)
        self.assertIn("3\u202f597 points to check in rows that are unchanged", again)
        self.assertEqual(self.load(path)["warnings_total"], 3600)

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
        said = self.a.run("import", path, "--collection", "lieux", json_output=False).out
        self.assertIn("Read as Windows-1252", said)
        self.assertEqual(self.a.ok("get", "lieux", "1")["fields"]["nom"], "Médiathèque à l’œil")

    def test_what_would_alter_text_is_refused_or_told(self):
        def load(name, raw):
            path = self.path(name)
            with open(path, "wb") as out:
                out.write(raw)
            return path
        mixed = load("m.csv", "id,nom\n1,été\n2,".encode() + b"caf\xe9 \xe9\xe9\xe9\n")
        self.assertIn("line 3", self.refuses(self.a, 1, "import", mixed, "--collection", "lieux")
                      ["message"])
        latin = load("l.json", b'[{"id":"1","nom":"A"},{"id":"2","nom":"\xe9"}]')
        self.assertIn("record 2, line 1", self.refuses(
            self.a, 1, "import", latin, "--collection", "lieux")["message"])
        cut = load("c.csv", b"id,nom,note\n1,A,x\n2,B")
        error = self.refuses(self.a, 1, "import", cut, "--collection", "lieux")
        self.assertIn("line 3", error["message"])
        self.assertIn("fetch or export it again", error["hint"])
        self.assertEqual(self.a.ok("find", "lieux")["total"], 0)
        lone = load("s.json", b'[{"id":"1","nom":"a"},{"id":"2","nom":"a\\ud800"}]')
        [warning] = self.load(lone)["warnings"]
        self.assertEqual((warning["record"], warning["line"], warning["field"]), (2, 1, "nom"))
        said = self.a.run("import", lone, "--collection", "lieux", json_output=False).out
        self.assertIn("to check, record 2, line 1 nom: ", said)

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
        self.assertEqual((out.code, out.out), (0, TABLE_OF_ONE))
        self.refuses(self.a, 2, "import", "-", "--collection", "lieux", "--format", "csv",
                     stdin=b"id,nom\n1,Un\n")
        self.refuses(self.a, 2, "export", "--collection", "lieux")

    def test_an_export_replaces_its_file_whole(self):
        self.load(self.write("s.csv", "id,nom\n1,Un\n"))
        out = self.write("out.csv", "old")
        self.a.ok("export", "--collection", "lieux", "-o", out)
        with open(out, encoding="utf-8") as text:
            self.assertEqual(text.read(), TABLE_OF_ONE)
        self.assertFalse(os.path.exists(out + ".partial"))
        self.refuses(self.a, 1, "export", "--collection", "lieux", "-o", self.path("no/such/out.csv"))
