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
        for wrong, why in (("etat=cassé", "à réparer"), ("achat=hier", "date"), ("contact=moi", "email")):
            error = self.refuses(self.b, 1, "put", "equipements", "--id", id, wrong)
            self.assertIn(why, error["message"])
        self.assertIn("requires", self.refuses(self.b, 1, "put", "equipements", "etat=neuf")["message"])
        self.b.ok("put", "equipements", "--id", id, "etat=cassé", "--anyway")
        self.b.ok("put", "equipements", "--id", id, "lieu=personne")
        self.assertFalse(self.b.ok("get", "equipements", id)["references"]["lieu"]["here"])
        self.meet()

    def test_two_who_change_a_schema_keep_both_changes(self):
        self.add(self.a, SCHEMA)
        self.meet()
        more = json.loads(json.dumps(SCHEMA))
        more["fields"].append({"name": "garantie", "form": "date"})
        self.add(self.a, more)
        less = json.loads(json.dumps(SCHEMA))
        less["fields"][1]["values"].append("perdu")
        self.add(self.b, less)
        self.meet()
        for node in (self.a, self.b):
            fields = {f["name"]: f for f in node.ok("schema", "show", "equipements")["fields"]}
            self.assertIn("garantie", fields)
            self.assertIn("perdu", fields["etat"]["values"])
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
