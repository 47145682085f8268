"""Fields that are no registers: sets, counters, lists, texts, greatest and least values."""

from harness import Case


class Fields(Case):
    def setUp(self):
        super().setUp()
        self.a = self.founder("une")
        self.a.serve()
        self.b = self.joined(self.a, "autre")
        self.id = self.a.ok("put", "lieux", "nom=Un", "notes=Ouvert le lundi.", "langues+=fr",
                            "visites+=3", 'etapes:=["accueil","atelier","bilan"]', "record=12",
                            *self.types)["id"]
        self.b.ok("sync", "--wait", 60)
        self.a.stop()

    types = ("--type", "notes=text", "--type", "langues=set", "--type", "visites=counter",
             "--type", "etapes=list", "--type", "record=max")

    def fields(self, node):
        return node.ok("get", "lieux", self.id)["fields"]

    def put(self, node, *arguments):
        return node.ok("put", "lieux", "--id", self.id, *arguments)

    def test_each_type_merges_in_its_own_way(self):
        self.put(self.a, "notes=Ouvert le lundi et le jeudi.", "langues+=ar", "visites+=5", "record=9",
                 'etapes:=["atelier","accueil","bilan"]')
        self.put(self.b, "notes=Sur rendez-vous. Ouvert le lundi.", "langues-=fr", "visites+=2",
                 "record=15", 'etapes:=["accueil","atelier","entretien","bilan"]')
        self.meet()
        for node in (self.a, self.b):
            fields = self.fields(node)
            self.assertEqual(fields["notes"], "Sur rendez-vous. Ouvert le lundi et le jeudi.")
            self.assertEqual(fields["langues"], ["ar"])
            self.assertEqual(fields["visites"], 10)
            self.assertEqual(fields["record"], 15)
            # Moved by one, while the other put something beside: all of it, each once.
            self.assertEqual(sorted(fields["etapes"]), ["accueil", "atelier", "bilan", "entretien"])
            self.assertLess(fields["etapes"].index("atelier"), fields["etapes"].index("accueil"))
            self.assertEqual(fields["etapes"][-1], "bilan")
            self.assertEqual(node.ok("conflicts")["conflicts"], [])
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])
            self.assertEqual(node.ok("find", "lieux", "--text", "jeudi")["total"], 1)

    def clash(self):
        self.put(self.a, "public=jeunes")
        self.put(self.b, 'public:=["jeunes","seniors"]', "--type", "public=set")
        self.meet()

    def test_two_types_under_one_name_are_a_conflict(self):
        self.clash()
        for node in (self.a, self.b):
            shown = node.ok("get", "lieux", self.id)
            self.assertEqual(shown["fields"]["public"], ["jeunes", "seniors"])
            self.assertEqual(shown["conflicts"]["public"], [["jeunes", "seniors"], "jeunes"])
            conflict = node.ok("conflicts")["conflicts"][0]
            self.assertEqual([(one["value"], one["type"], one["author_name"]) for one in conflict["by"]],
                             [(["jeunes", "seniors"], "set", "autre"), ("jeunes", "register", "une")])
            self.assertEqual(node.ok("why", "lieux", self.id, "--field", "public")["state"], "conflicting")
        told = self.a.run("conflicts", lang="fr", json_output=False).out
        self.assertIn("(register; une", told)

    def test_somebody_decides_which_type_holds(self):
        for how, value, type in ((("lieux", "ID", "public=jeunes"), "jeunes", "register"),
                                 (("lieux", "ID", 'public:=["jeunes","seniors"]'), ["jeunes", "seniors"], "set"),
                                 (("--all", "newest"), ["jeunes", "seniors"], "set"),
                                 (("--all", "une"), "jeunes", "register")):
            self.id = self.a.ok("put", "lieux", "nom=Deux")["id"]
            self.meet()
            self.clash()
            self.b.ok("resolve", *(self.id if word == "ID" else word for word in how))
            self.meet()
            for node in (self.a, self.b):
                shown = node.ok("get", "lieux", self.id)
                self.assertEqual(shown["fields"]["public"], value, how)
                self.assertEqual(shown["conflicts"], {})
                self.assertEqual(node.ok("conflicts")["conflicts"], [])
                self.assertEqual(node.ok("verify", "--deep")["errors"], [])
            # It is of that type from now on.
            again = self.a.run("put", "lieux", "--id", self.id, "public+=adultes").code
            self.assertEqual(again, 0 if type == "set" else 2)

    def test_who_wrote_which_part_is_told(self):
        self.put(self.a, "notes=Ouvert le lundi et le jeudi.")
        self.put(self.b, "notes=Sur rendez-vous. Ouvert le lundi.", "langues+=ar")
        self.meet()
        authors = self.a.ok("get", "lieux", self.id, "--authors")["authors"]
        self.assertEqual([(p["text"], p["author_name"]) for p in authors["notes"]],
                         [("Sur rendez-vous. ", "autre"), ("Ouvert le lundi", "une"),
                          (" et le jeudi", "une"), (".", "une")])
        self.assertEqual({(p["text"], p["author_name"]) for p in authors["langues"]},
                         {("fr", "une"), ("ar", "autre")})
        self.assertEqual([p["author_name"] for p in authors["nom"]], ["une"])
        told = self.a.run("get", "lieux", self.id, "--authors", lang="fr", json_output=False).out
        self.assertIn("autre  notes: Sur rendez-vous.", told)

    def test_why_names_whose_words_are_there(self):
        self.put(self.b, "langues+=ar")
        self.put(self.b, "langues-=fr", "visites+=1", "notes=Ouvert le lundi et jeudi.")
        self.put(self.b, "langues-=ar", "notes=Ouvert le lundi.")
        self.put(self.a, "langues+=ar")
        self.meet()
        def why(field):
            return self.b.ok("why", "lieux", self.id, "--field", field)["reason"]
        self.assertRegex(why("langues"), "written by une ")
        self.assertRegex(why("notes"), "written by une ")
        self.assertRegex(why("visites"), "written by (une, autre|autre, une) ")
        self.assertRegex(why("nom"), "written by une on")

    def test_numbers_and_texts_are_added_and_taken_out_as_what_they_are(self):
        self.put(self.a, "codes+:=[1,2]", "--type", "codes=set")
        self.put(self.a, "codes-=1")
        self.assertEqual(self.fields(self.a)["codes"], [1, 2])
        self.put(self.a, "codes-:=1", "langues+:=\"de\"")
        self.assertEqual(self.fields(self.a)["codes"], [2])
        self.put(self.a, "visites-:=1")
        self.assertEqual(self.fields(self.a)["visites"], 2)
        for nothing in ("codes+:=null", "codes+:=", "codes-="):
            self.refuses(self.a, 2, "put", "lieux", "--id", self.id, nothing)

    def test_what_is_there_already_writes_nothing(self):
        for again in ("notes=Ouvert le lundi.", "langues+=fr", "record=11",
                      'etapes:=["accueil","atelier","bilan"]', "visites=3"):
            self.assertFalse(self.put(self.a, again)["changed"], again)
        self.assertTrue(self.put(self.a, "visites=7")["changed"])
        self.assertEqual(self.fields(self.a)["visites"], 7)

    def test_two_who_rewrite_one_paragraph_keep_their_sentences(self):
        self.put(self.a, "notes=Fermé en août. Le lundi, c’est complet. Ouvert le lundi.")
        self.put(self.b, "notes=Ouvert le lundi. Prenez le bus 7. Entrée par la cour.")
        self.meet()
        notes = self.fields(self.a)["notes"]
        for sentence in ("Fermé en août. Le lundi, c’est complet. ", " Prenez le bus 7. Entrée par la cour."):
            self.assertIn(sentence, notes)

    def test_a_delete_takes_all_of_it_and_keep_brings_it_back(self):
        self.put(self.b, "notes=Ouvert le lundi. Et le mardi.", "langues+=ar", "etapes+=retour")
        self.a.ok("delete", "lieux", self.id)
        self.meet()
        for node in (self.a, self.b):
            self.assertTrue(node.ok("get", "lieux", self.id)["edit_won_over_delete"])
        self.a.ok("resolve", "lieux", self.id, "--keep")
        self.meet()
        # Also of what the edit went on from, which the delete took away beside it.
        fields = self.fields(self.b)
        self.assertEqual(fields["notes"], "Ouvert le lundi. Et le mardi.")
        self.assertEqual(fields["langues"], ["ar", "fr"])
        self.assertEqual(fields["etapes"], ["accueil", "atelier", "bilan", "retour"])
        self.assertEqual(self.b.ok("conflicts")["conflicts"], [])
        self.assertEqual(self.b.ok("verify", "--deep")["errors"], [])

    def test_keep_counts_what_the_delete_took_away(self):
        self.put(self.b, "visites+=40", "record=30")
        self.meet()
        self.a.ok("delete", "lieux", self.id)
        self.put(self.b, "visites+=2", "record=20")
        self.meet()
        self.a.ok("resolve", "lieux", self.id, "--keep")
        self.meet()
        for node in (self.a, self.b):
            self.assertEqual((self.fields(node)["visites"], self.fields(node)["record"]), (45, 30))

    def test_a_field_keeps_its_type_while_it_is_empty(self):
        self.put(self.a, "notes=", "langues-=fr")
        self.assertNotIn("notes", self.fields(self.a))
        self.put(self.a, "langues+=ar")
        self.meet()
        self.put(self.a, "notes=Neuf un.")
        self.put(self.b, "notes=Neuf deux.")
        self.meet()
        self.assertEqual(self.a.ok("conflicts")["conflicts"], [])
        self.assertEqual(self.fields(self.a)["langues"], ["ar"])
        for gone in (("erase", "lieux", self.id, "--field", "etapes"), ("delete", "lieux", self.id)):
            self.a.ok(*gone)
            self.put(self.a, "etapes+=retour", "record=7")
            self.put(self.a, "record=3")
            self.assertEqual((self.fields(self.a)["etapes"], self.fields(self.a)["record"]),
                             (["retour"], 12 if gone[0] == "erase" else 7))
        self.put(self.a, "notes=")
        self.put(self.a, "notes=autre", "--type", "notes=register")
        self.assertEqual(self.fields(self.a)["notes"], "autre")

    def test_history_says_who_added_and_took_out_what(self):
        self.put(self.b, "notes=Ouvert.", "langues+=ar")
        self.meet()
        entries = self.a.ok("history", "lieux", self.id)["entries"]
        newest = {e["field"]: e for e in entries if e["author_name"] == "autre"}
        self.assertEqual(newest["langues"]["value"], ["ar"])
        self.assertEqual(newest["langues"]["type"], "set")
        self.assertGreater(newest["notes"]["elements_removed"], 0)
        words = self.a.run("history", "lieux", self.id, lang="fr", json_output=False).out
        self.assertIn("langues : ajoute", words)
        # Whoever moves something brings nothing.
        id = self.a.ok("put", "lieux", "nom=L", 'l:=["a","b","c","d"]', "--type", "l=list")["id"]
        self.a.ok("put", "lieux", "--id", id, 'l:=["d","a","b","c"]')
        moved = self.a.ok("history", "lieux", id)["entries"][0]
        self.assertEqual((moved["elements_moved"], moved["superseded"]), (1, False))
        self.a.ok("put", "lieux", "--id", id, "l+=Zoé")
        self.a.ok("erase", "lieux", id, "--words", "Zoé")
        words = self.a.run("history", "lieux", id, json_output=False).out
        self.assertIn("l: moves 1 element(s)\n", words)
        self.assertIn("l: adds (erased)", words)

    def test_what_a_type_cannot_take_is_refused_with_the_way(self):
        for wrong in ("visites=beaucoup", "visites+=1.5", "etapes=accueil", "notes-=x", "nom+=x", "record+=1",
                      "record:=true"):
            error = self.refuses(self.a, 2, "put", "lieux", "--id", self.id, wrong)
            self.assertTrue(error["hint"], wrong)
        half = 2**62 - 1
        self.a.ok("put", "lieux", "--id", self.id, f"visites={half}")
        self.meet()
        self.put(self.b, "visites+=1")
        error = self.refuses(self.b, 2, "put", "lieux", "--id", self.id, "visites=5")
        self.assertIn("-=", error["message"])
        self.refuses(self.a, 2, "put", "lieux", "x=1", "--type", "x=roman")
        self.refuses(self.a, 2, "put", "lieux", "x=1", "--type", "x")
        self.assertIn("`y`", self.refuses(self.a, 2, "put", "lieux", "x=1", "--type", "y=set")["message"])
        many = [f"c{i}=1" for i in range(600)]
        self.assertIn("at most 512", self.refuses(self.a, 2, "put", "lieux", *many)["message"])

    def test_a_long_text_goes_through_whole(self):
        text = "".join(f"Phrase numéro {i}. " for i in range(12_000))
        # An argument holds 128 KiB.
        for start in range(0, len(text), 100_000):
            self.put(self.a, ("notes+=" if start else "notes=") + text[start : start + 100_000])
        self.meet()
        self.assertEqual(self.fields(self.b)["notes"], text)
        self.assertEqual(self.b.ok("verify", "--deep")["errors"], [])
