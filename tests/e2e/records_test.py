"""One record from its first value to its deletion, on a folder without a daemon."""

import json

from harness import Case


class Records(Case):
    def setUp(self):
        super().setUp()
        self.a = self.founder()

    def test_put_get_find_delete(self):
        made = self.a.ok("put", "lieux", "nom=Médiathèque", "places:=12", "ouvert:=true",
                         "latitude=45.650")
        self.assertTrue(made["commit"])
        got = self.a.ok("get", "lieux", made["id"])
        self.assertEqual(got["id"], made["id"])
        self.assertEqual(got["fields"], {"nom": "Médiathèque", "places": 12, "ouvert": True,
                                         "latitude": 45.65})
        self.assertEqual(got["conflicts"], {})
        # Digits stay as typed.
        self.assertIn('"latitude":45.650', self.a.run("get", "lieux", made["id"]).out)

        self.a.ok("put", "lieux", "--id", made["id"], "nom=Médiathèque de Cognac", "places=")
        got = self.a.ok("get", "lieux", made["id"])
        self.assertEqual(got["fields"]["nom"], "Médiathèque de Cognac")
        self.assertNotIn("places", got["fields"])

        again = self.a.ok("put", "lieux", "--id", made["id"], "nom=Médiathèque de Cognac")
        self.assertIsNone(again["commit"])

        self.a.ok("put", "lieux", "nom=Mairie")
        found = self.a.ok("find", "lieux")
        self.assertEqual(found["total"], 2)
        self.assertEqual(self.a.ok("find", "lieux", "--limit", 1)["total"], 2)
        self.assertEqual(len(self.a.ok("find", "lieux", "--limit", 1)["records"]), 1)
        found = self.a.ok("find", "lieux", "--where", "nom=Mairie")
        self.assertEqual([r["fields"]["nom"] for r in found["records"]], ["Mairie"])
        found = self.a.ok("find", "lieux", "--text", "mediatheque cog")
        self.assertEqual([r["id"] for r in found["records"]], [made["id"]])
        self.assertEqual(self.a.ok("find", "lieux", "--where", "nom=x", "--where", "y=z")["total"], 0)

        self.a.ok("delete", "lieux", made["id"])
        self.refuses(self.a, 3, "get", "lieux", made["id"])
        self.refuses(self.a, 3, "delete", "lieux", made["id"])
        self.assertEqual(self.a.ok("find", "lieux")["total"], 1)
        # Writing to it brings it back.
        self.a.ok("put", "lieux", "--id", made["id"], "nom=De retour")
        self.assertEqual(self.a.ok("get", "lieux", made["id"])["fields"], {"nom": "De retour"})

    def test_history_names_who_and_what(self):
        me = self.a.ok("status")
        made = self.a.ok("put", "lieux", "nom=Un")
        changed = self.a.ok("put", "lieux", "--id", made["id"], "nom=Deux")
        self.a.ok("delete", "lieux", made["id"])
        entries = self.a.ok("history", "lieux", made["id"])["entries"]
        self.assertEqual([(e["field"], e["value"]) for e in entries],
                         [(None, None), ("nom", "Deux"), ("nom", "Un")])
        self.assertEqual([e["superseded"] for e in entries], [False, True, True])
        self.assertEqual({e["author"] for e in entries}, {me["member_id"]})
        self.assertEqual({e["author_name"] for e in entries}, {"fondatrice"})
        self.assertEqual([e["commit"] for e in entries[1:]], [changed["commit"], made["commit"]])
        self.assertRegex(entries[0]["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")

    def test_why_tells_every_state_that_one_node_can_show(self):
        made = self.a.ok("put", "lieux", "nom=Un")
        self.assertEqual(self.a.ok("why", "lieux", made["id"])["state"], "here")
        self.a.ok("delete", "lieux", made["id"])
        why = self.a.ok("why", "lieux", made["id"])
        self.assertEqual(why["state"], "deleted")
        self.assertTrue(why["reason"] and why["next"])
        unknown = self.a.run("why", "lieux", "inconnu")
        self.assertEqual((unknown.code, unknown.json["state"]), (3, "absent"))
        self.assertIn("supprimée", self.a.ok("why", "lieux", made["id"], lang="fr")["reason"])

    def test_a_clock_that_ran_ahead(self):
        made = self.a.ok("put", "lieux", "nom=Un")
        self.assertEqual(self.a.ok("reissue")["reissued"], 0)
        self.assertEqual(self.a.ok("get", "lieux", made["id"])["fields"], {"nom": "Un"})

    def test_collections_have_their_spaces(self):
        module = self.a.ok("put", "modules", "titre=Souris")
        self.assertEqual(module["space"], "formation")
        place = self.a.ok("put", "lieux", "nom=Un")
        self.assertEqual(place["space"], "catalogue/16")
        elsewhere = self.a.ok("put", "lieux", "nom=Un", "--space", "formation")
        self.assertEqual(self.a.ok("find", "lieux", "--space", "formation")["total"], 1)
        self.assertEqual(elsewhere["space"], "formation")
        self.refuses(self.a, 3, "find", "lieux", "--space", "catalogue/99")

    def test_people_read_words(self):
        made = self.a.ok("put", "lieux", "nom=Un\x1b[2J")
        shown = self.a.run("get", "lieux", made["id"], json_output=False)
        self.assertEqual(shown.code, 0)
        self.assertNotIn("\x1b", shown.out)
        for lang, word in (("fr", "Fédération"), ("en", "Federation")):
            self.assertIn(word, self.a.run("status", json_output=False, lang=lang).out)

    def test_directory(self):
        members = self.a.ok("member", "list")["members"]
        self.assertEqual([m["name"] for m in members], ["fondatrice"])
        self.assertEqual(members[0]["role"], "cooperative")
        self.assertEqual(members[0]["region"], "16")
        self.assertTrue(members[0]["delegate"])
        self.assertEqual(len(members[0]["nodes"]), 1)
        shown = self.a.ok("member", "show", members[0]["member_id"])["members"]
        self.assertEqual(shown, members)
        names = {s["name"] for s in self.a.ok("space", "list")["spaces"]}
        self.assertEqual(names, {"annuaire", "formation", "catalogue/16", "indicateurs/16"})
        self.assertEqual(len(self.a.ok("node", "list")["nodes"]), 1)
        self.assertEqual(self.a.ok("federation", "show")["name"], "Essai")
        self.assertEqual(self.a.ok("version")["version"].count("."), 2)

    def test_status_without_a_daemon(self):
        self.a.ok("put", "lieux", "nom=Un")
        status = self.a.ok("status")
        space = {s["name"]: s for s in status["spaces"]}["catalogue/16"]
        self.assertEqual((space["feeds"], space["commits"], space["records"]), (1, 1, 1))
        self.assertEqual((space["conflicts"], space["pending"], space["held"]), (0, 0, 0))
        self.assertEqual(len(space["digest"]), 64)
        self.assertEqual(status["peers"], [])
        self.assertEqual(len(status["federation_id"]), 64)

    def test_peer_list(self):
        self.assertEqual(self.a.ok("peer", "list")["peers"], [])
        self.a.ok("peer", "add", "ws://127.0.0.1:9", "--node-id", "ab" * 32)
        peers = self.a.ok("peer", "list")["peers"]
        self.assertEqual([(p["url"], p["node_id"]) for p in peers], [("ws://127.0.0.1:9", "ab" * 32)])
        self.refuses(self.a, 2, "peer", "add", "http://x")
        self.refuses(self.a, 2, "peer", "add", "ws://127.0.0.1:9", "--node-id", "12")
        self.a.ok("peer", "remove", "ws://127.0.0.1:9")
        self.refuses(self.a, 3, "peer", "remove", "ws://127.0.0.1:9")

    def test_json_is_one_document(self):
        self.a.ok("put", "lieux", 'nom=a"b\\c', 'x:={"a":[1,{"b":null}]}')
        out = self.a.run("find", "lieux").out
        self.assertEqual(len(out.strip().splitlines()), 1)
        self.assertEqual(json.loads(out)["records"][0]["fields"],
                         {"nom": 'a"b\\c', "x": {"a": [1, {"b": None}]}})


class WhichOne(Case):
    def setUp(self):
        super().setUp()
        self.a = self.founder()

    def test_an_id_of_several_sources_is_not_guessed(self):
        for source in ("s1", "s2"):
            path = self.write(source + ".jsonl", '{"id": 1, "nom": "De %s"}\n' % source)
            self.a.ok("import", path, "--collection", "lieux", "--source", source)
        ids = [r["id"] for r in self.a.ok("find", "lieux")["records"]]
        for words in (("get", "lieux", "1"), ("put", "lieux", "--id", "1", "nom=x"),
                      ("delete", "lieux", "1"), ("history", "lieux", "1"), ("why", "lieux", "1"),
                      ("resolve", "lieux", "1", "nom=x")):
            error = self.refuses(self.a, 1, *words)
            for part in (*ids, "s1", "s2", "De s1", "De s2"):
                self.assertIn(part, error["message"])
            self.assertIn("id of the record", error["hint"])
        self.assertEqual(self.a.ok("get", "lieux", ids[0])["id"], ids[0])

    def test_a_collection_that_is_nowhere(self):
        # Before anything was imported, places are no mistake.
        self.assertEqual(self.a.ok("find", "lieux")["total"], 0)
        self.a.ok("put", "lieux", "nom=Un")
        out = self.path("out")
        for words in (("find", "leiux"), ("conflicts", "leiux"), ("get", "leiux", "x"),
                      ("export", "--collection", "leiux", "-o", out)):
            self.assertIn("there are: lieux", self.refuses(self.a, 3, *words)["message"])

    def test_a_space_without_any_names_those_that_have_some(self):
        self.a.ok("put", "lieux", "nom=Un")
        done = self.a.run("find", "lieux", "--space", "formation")
        self.assertEqual((done.code, done.json["total"]), (0, 0))
        self.assertIn("catalogue/16", done.err)
        self.assertEqual(self.a.run("find", "lieux").err, "")
