"""What a collection's records are expected to say: shared, merged, and a guide rather than a gate."""

import json

from harness import Case

SCHEMA = {
    "collection": "equipements",
    "title": {"fr": "Équipements prêtés", "en": "Equipment on loan"},
    "fields": [
        {"name": "nom", "label": {"fr": "Nom", "en": "Name"}, "required": True},
        {"name": "etat", "label": {"fr": "État", "en": "Condition"}, "values": ["neuf", "bon", "à réparer"]},
        {"name": "langues", "type": "set"},
        {"name": "prets", "type": "counter"},
        {"name": "notes", "type": "text"},
        {"name": "achat", "form": "date"},
        {"name": "contact", "form": "email", "personal": True},
        {"name": "lieu", "reference": "places"},
    ],
}


class Schemas(Case):
    def setUp(self):
        super().setUp()
        self.a, self.b = self.federation("une", "deux")

    def file(self, schema):
        return self.write("schema.json", schema if isinstance(schema, str) else json.dumps(schema))

    def add(self, node, schema):
        return node.ok("schema", "add", self.file(schema))

    def test_a_schema_is_shared_and_guides(self):
        self.assertEqual(self.add(self.a, SCHEMA)["fields"], 8)
        self.assertFalse(self.add(self.a, SCHEMA)["changed"])
        self.meet()
        one = next(c for c in self.b.ok("schema", "list")["collections"] if c["name"] == "equipements")
        self.assertEqual((one["schema"], one["fields"], one["records"]), ("shared", 8, 0))
        shown = self.b.ok("schema", "show", "equipements")
        self.assertEqual([f["name"] for f in shown["fields"]], [f["name"] for f in SCHEMA["fields"]])
        self.assertTrue(next(f for f in shown["fields"] if f["name"] == "contact")["personal"])
        self.assertIn("État", self.b.run("schema", "show", "equipements", lang="fr", json_output=False).out)

        # Types need not be said again, and what does not fit is refused with what would.
        place = self.b.ok("put", "places", "nom=Mairie")["id"]
        id = self.b.ok("put", "equipements", "nom=Portable", "etat=bon", "langues+=fr", "prets+=2",
                       "notes=Le chargeur manque.", "achat=2026-03-01", f"lieu={place}")["id"]
        got = self.b.ok("get", "equipements", id)
        self.assertEqual((got["fields"]["langues"], got["fields"]["prets"]), (["fr"], 2))
        self.assertEqual(got["references"]["lieu"], {"collection": "places", "here": True, "title": "Mairie"})
        self.assertIn("Condition (etat) = bon", self.b.run("get", "equipements", id, json_output=False).out)
        for wrong, why in (("etat=cassé", "à réparer"), ("achat=hier", "date"), ("achat=2026-02-29", "date"), ("contact=moi", "email")):
            error = self.refuses(self.b, 1, "put", "equipements", "--id", id, wrong)
            self.assertIn(why, error["message"])
        self.assertIn("requires", self.refuses(self.b, 1, "put", "equipements", "etat=neuf")["message"])
        self.b.ok("put", "equipements", "--id", id, "etat=cassé", "--anyway")
        self.b.ok("put", "equipements", "--id", id, "lieu=personne")
        self.assertFalse(self.b.ok("get", "equipements", id)["references"]["lieu"]["here"])
        self.meet()

    def test_what_is_typed_becomes_what_the_schema_wants(self):
        fields = [{"name": "places", "form": "integer"}, {"name": "ouvert", "form": "boolean"},
                  {"name": "ages", "type": "set", "form": "integer"}, {"name": "tel", "form": "phone"}]
        self.add(self.a, {"collection": "salles", "fields": fields})
        id = self.a.ok("put", "salles", "places=12", "ouvert=true", "ages+=18", "tel=0545")["id"]
        self.assertEqual(self.a.ok("get", "salles", id)["fields"],
                         {"places": 12, "ouvert": True, "ages": [18], "tel": "0545"})
        for wrong in ('places:="3"', "places:=[1,2]", "places:=1e400", 'ouvert:="true"', 'ages+:=["4"]', "places=trois"):
            error = self.refuses(self.a, 1, "put", "salles", "--id", id, wrong)
            self.assertIn("of the form", error["message"])
        # As a file says them: nothing to write.
        self.assertFalse(self.a.ok("put", "salles", "--id", id, "places:=12", "ages+:=18")["changed"])
        self.assertIn("téléphone", self.a.run("schema", "show", "salles", lang="fr", json_output=False).out)
        error = self.refuses(self.a, 1, "put", "salles", "ages+=18", "--type", "ages=list")
        self.assertIn("is a set", error["message"])
        self.a.ok("put", "salles", "ages+=18", "--type", "ages=list", "--anyway")

    def test_two_who_change_a_schema_keep_both_changes(self):
        self.add(self.a, SCHEMA)
        self.meet()
        more = json.loads(json.dumps(SCHEMA))
        more["fields"].append({"name": "garantie", "form": "date"})
        self.add(self.a, more)
        less = json.loads(json.dumps(SCHEMA))
        less["fields"][1]["values"].append("perdu")
        less["fields"].append({"name": "couleur"})
        self.add(self.b, less)
        self.meet()
        for node in (self.a, self.b):
            fields = {f["name"]: f for f in node.ok("schema", "show", "equipements")["fields"]}
            self.assertLessEqual({"garantie", "couleur"}, fields.keys())
            self.assertIn("perdu", fields["etat"]["values"])
            self.assertEqual(list(fields)[:8], [f["name"] for f in SCHEMA["fields"]])
            self.assertEqual(node.ok("conflicts")["conflicts"], [])
        # Only `schema add` writes them.
        self.assertEqual(len(self.a.ok("find", "schemas")["records"]), 1)
        error = self.refuses(self.a, 2, "put", "schemas", "nom=x")
        self.assertIn("schema add", error["hint"])
        self.refuses(self.a, 2, "import", self.write("s.csv", "id,nom\n1,x\n"), "--collection", "schemas")
        # A later version without a field takes it out.
        more["fields"] = more["fields"][:3]
        self.add(self.a, more)
        self.assertEqual(len(self.a.ok("schema", "show", "equipements")["fields"]), 3)

    def test_imports_warn_and_strict_ones_refuse(self):
        self.add(self.a, SCHEMA)
        table = self.write("e.csv", "id,nom,etat,achat\n1,Portable,bon,2026-01-02\n2,Écran,cassé,2026-01-02\n3,Souris,neuf,demain\n")
        done = self.a.ok("import", table, "--collection", "equipements", "--dry-run")
        self.assertEqual([(w["line"], w["field"]) for w in done["warnings"]], [(3, "etat"), (4, "achat")])
        strict = self.a.run("import", table, "--collection", "equipements", "--strict")
        self.assertEqual((strict.code, strict.json["created"], strict.json["rejected"]), (1, 1, 2))
        self.assertEqual(self.a.ok("import", table, "--collection", "equipements")["created"], 2)

    TYPED = {
        "collection": "ateliers",
        "fields": [
            {"name": "nom"},
            {"name": "langues", "type": "set", "values": ["fr", "ar", "en", "pt", "es"]},
            {"name": "places", "form": "integer"},
            {"name": "ouvert", "form": "boolean"},
            {"name": "dernier", "type": "max", "form": "date"},
            {"name": "tarif", "type": "min"},
            {"name": "inscrits", "type": "counter"},
        ],
    }
    HEAD = "id,nom,langues,places,ouvert,dernier,tarif,inscrits\n"
    ONE = "1,Initiation,fr|ar,12,true,2026-01-02,3.5,4\n"
    TWO = '2,Tableur,"[""fr"",""en""]",trois,peut-être,2026-02-02,9,5\n'

    def take(self, node, text):
        done = node.ok("import", self.write("a.csv", text), "--collection", "ateliers")
        return done["created"], done["changed"], done["commits"]

    def fields(self, node, id="1"):
        return node.ok("get", "ateliers", id)["fields"]

    def test_imports_write_the_types_of_the_schema(self):
        self.add(self.a, self.TYPED)
        self.meet()
        table = self.HEAD + self.ONE + self.TWO
        done = self.a.ok("import", self.write("a.csv", table), "--collection", "ateliers")
        self.assertEqual([(w["line"], w["field"]) for w in done["warnings"]], [(3, "places"), (3, "ouvert")])
        self.assertEqual(self.fields(self.a), {
            "id": "1", "nom": "Initiation", "langues": ["ar", "fr"], "places": 12, "ouvert": True,
            "dernier": "2026-01-02", "tarif": 3.5, "inscrits": "4"})
        self.assertEqual((self.fields(self.a, "2")["langues"], self.fields(self.a, "2")["places"]),
                         (["en", "fr"], "trois"))
        # Whoever imports the same meets in the same records.
        self.take(self.b, table)
        self.meet()
        self.assertEqual(self.b.ok("conflicts")["conflicts"], [])
        self.assertEqual(self.fields(self.b)["langues"], ["ar", "fr"])
        self.assertEqual(self.take(self.a, table), (0, 0, 0))
        # A source that says nothing new leaves alone what people changed.
        self.a.ok("put", "ateliers", "--id", "1", "langues+=es", "tarif=2")
        self.a.ok("put", "ateliers", "--id", "1", "langues-=fr")
        self.assertEqual(self.take(self.a, table), (0, 0, 0))
        self.assertEqual((self.fields(self.a)["langues"], self.fields(self.a)["tarif"]), (["ar", "es"], 2))
        row = "1,Initiation,{},13,false,2026-03-02,3.5,4\n"
        for said, shown in (("ar|pt", ["ar", "es", "pt"]), ("pt|en", ["en", "es", "pt"]), ("", ["es"])):
            changed = self.HEAD + row.format(said) + self.TWO
            self.assertEqual(self.take(self.a, changed), (0, 1, 1), said)
            self.assertEqual(self.fields(self.a)["langues"], shown)
            self.assertEqual(self.take(self.a, changed), (0, 0, 0), said)
        fields = self.fields(self.a)
        self.assertEqual((fields["places"], fields["ouvert"], fields["dernier"]), (13, False, "2026-03-02"))
        for format in ("csv", "jsonl"):
            out = self.path("out." + format)
            self.a.ok("export", "--collection", "ateliers", "-o", out)
            again = self.a.ok("import", out, "--collection", "ateliers", "--source", "a")
            self.assertEqual((again["unchanged"], again["commits"]), (2, 0), format)
        # What was erased of a set is not brought back.
        self.a.ok("erase", "ateliers", "2", "--words", "en", "--yes")
        done = self.a.ok("import", self.write("a.csv", changed), "--collection", "ateliers")
        self.assertEqual(done["commits"], 0)
        self.assertIn((3, "langues"), [(w["line"], w["field"]) for w in done["warnings"]])
        self.assertEqual(self.fields(self.a, "2")["langues"], ["fr"])
        self.meet()
        self.assertEqual(self.b.ok("conflicts")["conflicts"], [])
        for node in (self.a, self.b):
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])

    def test_what_was_imported_before_the_schema_stays_as_it_is(self):
        table = self.HEAD + self.ONE
        self.take(self.a, table)
        self.add(self.a, self.TYPED)
        self.assertEqual(self.take(self.a, table), (0, 0, 0))
        self.assertEqual(self.take(self.a, table.replace("fr|ar", "fr|en")), (0, 1, 1))
        self.assertEqual(self.fields(self.a)["langues"], "fr|en")
        self.assertEqual(self.a.ok("conflicts")["conflicts"], [])

    def test_two_who_import_before_and_after_the_schema_lose_nothing(self):
        table = self.HEAD + self.ONE
        self.take(self.a, table)
        self.add(self.b, self.TYPED)
        self.take(self.b, table)
        self.meet()
        # Both types stand side by side until somebody decides; the source says nothing new meanwhile.
        for node in (self.a, self.b):
            self.assertEqual(self.take(node, table), (0, 0, 0))
            self.assertEqual(self.fields(node)["langues"], ["ar", "fr"])
            self.assertEqual(self.fields(node)["dernier"], "2026-01-02")
        self.assertEqual([c["field"] for c in self.a.ok("conflicts")["conflicts"]].count("langues"), 1)
        self.a.ok("resolve", "ateliers", "1", "langues=fr|ar")
        self.assertEqual(self.take(self.a, table), (0, 0, 0))
        self.assertEqual(self.take(self.a, table.replace("fr|ar", "fr|ar|en")), (0, 1, 1))
        self.assertEqual(self.fields(self.a)["langues"], "fr|ar|en")

    def test_a_column_that_changes_its_type_keeps_what_the_source_says(self):
        self.add(self.a, self.TYPED)
        table = self.HEAD + self.ONE
        self.take(self.a, table)
        plain = {**self.TYPED, "fields": [{"name": "nom"}]}
        self.add(self.a, plain)
        self.take(self.a, table)
        self.assertEqual(self.fields(self.a)["langues"], "fr|ar")
        self.add(self.a, self.TYPED)
        self.assertEqual(self.take(self.a, table), (0, 0, 0))
        for said in ("fr|en", "fr|pt"):
            self.take(self.a, table.replace("fr|ar", said))
            self.assertEqual(self.fields(self.a)["langues"], said)

    def test_a_source_brings_a_set_back_with_the_rest_of_a_record_that_returned(self):
        self.add(self.a, self.TYPED)
        table = self.HEAD + self.ONE
        self.take(self.a, table)
        before = self.fields(self.a)
        record = self.a.ok("get", "ateliers", "1")["id"]
        self.a.ok("delete", "ateliers", record)
        self.assertEqual(self.take(self.a, table), (0, 0, 0))
        self.a.ok("put", "ateliers", "--id", record, "nom=Initiation")
        self.take(self.a, table)
        self.assertEqual(self.fields(self.a), before)
        self.assertEqual(self.take(self.a, table), (0, 0, 0))

    def test_a_number_that_cannot_be_ranked_is_kept_and_told(self):
        self.add(self.a, self.TYPED)
        row = self.HEAD + "1,Initiation,fr,12,true,2026-01-02,1e400,4\n"
        done = self.a.ok("import", self.write("a.csv", row), "--collection", "ateliers")
        self.assertEqual([(w["line"], w["field"]) for w in done["warnings"]], [(2, "tarif")])
        self.assertIn("tarif", self.fields(self.a))
        self.assertEqual(self.take(self.a, row), (0, 0, 0))

    def test_what_nobody_described_and_the_national_schema(self):
        self.a.ok("put", "divers", "nom=X", "tags+=a", "--type", "tags=set")
        shown = self.a.ok("schema", "show", "divers")
        self.assertEqual((shown["schema"], [(f["name"], f["type"]) for f in shown["fields"]]),
                         ("none", [("nom", "register"), ("tags", "set")]))
        places = self.a.ok("schema", "show", "lieux")
        self.assertEqual(places["schema"], "built-in")
        self.assertGreater(len(next(f for f in places["fields"] if f["name"] == "services")["values"]), 5)
        self.refuses(self.a, 3, "schema", "show", "rien")

    def test_a_file_with_a_mistake_says_where(self):
        cases = [("{\n \"collection\": \"x\",\n oops}", "line 3"),
                 ({"collection": "x"}, "fields"),
                 ({"collection": "x", "fields": [{"name": "a", "type": "texte"}]}, "`a`"),
                 ({"collection": "x", "fields": [{"name": "a", "requird": True}]}, "requird"),
                 ({"collection": "x", "fields": [{"name": "a"}, {"name": "a"}]}, "twice"),
                 ({"collection": "x", "fields": [{"name": "a", "form": "tel"}]}, "form"),
                 ("[" * 200, "JSON")]
        for schema, said in cases:
            error = self.refuses(self.a, 1, "schema", "add", self.file(schema))
            self.assertIn(said, error["message"])
        self.assertEqual(self.a.ok("schema", "list")["collections"], [])
