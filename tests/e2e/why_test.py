"""Why a record or field is here or not, and what to do about it."""

from harness import Case


class Why(Case):
    def setUp(self):
        super().setUp()
        self.a, self.b = self.federation("une", "deux")
        self.id = self.a.ok("put", "lieux", "nom=Un", "tel=05")["id"]
        self.meet()

    def why(self, node, *about):
        return node.run("why", "lieux", *about).json

    def put(self, node, *fields):
        return node.ok("put", "lieux", "--id", self.id, *fields)

    def test_what_is_written_with_a_clock_ahead(self):
        self.b.env = {"MAILLON_FAULT": "clock_far_ahead"}
        self.put(self.b, "mail=deux@exemple.fr")
        other = self.b.ok("put", "lieux", "nom=Deux")["id"]
        self.b.env = {}
        self.converge(self.a, self.b)
        self.assertEqual(self.why(self.a, other)["state"], "held")
        why = self.why(self.a, self.id)
        self.assertEqual(why["state"], "here")
        self.assertIn("what deux wrote to it is dated in the future", why["next"])
        why = self.why(self.a, self.id, "--field", "mail")
        self.assertEqual(why["state"], "held")
        self.assertIn("`maillon reissue`", why["next"])
        self.put(self.a, "mail=une@exemple.fr")
        why = self.why(self.a, self.id, "--field", "mail")
        self.assertEqual(why["state"], "here")
        self.assertIn("what deux wrote to it is dated in the future", why["next"])
        self.refuses(self.a, 2, "why", "lieux", self.id, "--field", "")
        # Its author is told as well.
        self.assertIn("`maillon reissue`", self.why(self.b, self.id)["next"])
        self.b.ok("reissue")
        self.meet()
        for node in (self.a, self.b):
            for about in ((self.id, "--field", "nom"), (other,), (other, "--field", "nom")):
                why = self.why(node, *about)
                self.assertEqual((why["state"], why["next"]), ("here", ""), about)
            self.assertEqual(self.why(node, self.id, "--field", "mail")["state"], "conflicting")

    def test_what_came_before_its_past(self):
        first, second = self.path("first"), self.path("second")
        self.put(self.a, "tel=06")
        self.a.ok("bundle", "export", "-o", first)
        self.put(self.a, "mail=une@exemple.fr")
        self.a.ok("bundle", "export", "--since", first, "-o", second)
        self.b.ok("bundle", "import", second)
        self.assertIn("waits for what it depends on", self.why(self.b, self.id)["next"])
        self.assertEqual(self.why(self.b, self.id, "--field", "mail")["state"], "pending")
        self.b.ok("bundle", "import", first)
        self.assertEqual(self.why(self.b, self.id, "--field", "mail")["state"], "here")

    def test_what_is_hidden_until_somebody_decides(self):
        ids = {"erased": self.id, "here": self.a.ok("put", "lieux", "nom=Deux")["id"]}
        self.meet()
        for id in ids.values():
            self.b.ok("erase", "lieux", id)
        self.meet()
        for state, id in ids.items():
            why = self.why(self.a, id)
            self.assertEqual((why["state"], self.why(self.b, id, "--field", "nom")["state"]), ("hidden",) * 2)
            word = "confirm" if state == "erased" else "lift"
            command = why["next"].split(f"`maillon erasures {word} ")[1].split("`")[0]
            self.a.ok("erasures", word, command)
        self.meet()
        for state, id in ids.items():
            for about in ((id,), (id, "--field", "nom")):
                self.assertEqual({self.why(node, *about)["state"] for node in (self.a, self.b)}, {state})

    def test_what_is_hidden_in_part(self):
        self.put(self.a, "notes=Voir Mme Durand, au fond.", "--type", "notes=text")
        self.meet()
        self.b.ok("erase", "lieux", self.id, "--words", "Mme Durand")
        self.meet()
        for about in ((self.id,), (self.id, "--field", "notes")):
            why = self.why(self.a, *about)
            self.assertEqual(why["state"], "here")
            self.assertIn("hidden until then; `maillon erasures`", why["next"])
        self.assertEqual(self.why(self.a, self.id, "--field", "nom")["next"], "")

    def test_what_a_node_does_not_keep(self):
        self.b.ok("space", "subscribe", "catalogue/16", "--off")
        other = self.a.ok("put", "lieux", "nom=Deux")["id"]
        self.put(self.a, "mail=une@exemple.fr")
        self.converge(self.a, self.b)
        for about in ((other,), (self.id, "--field", "mail")):
            why = self.why(self.b, *about)
            self.assertEqual(why["state"], "not_subscribed")
            self.assertIn("`maillon space subscribe catalogue/16`", why["next"])
        why = self.why(self.b, self.id)
        self.assertEqual(why["state"], "here")
        self.assertIn("out of date", why["next"])
        self.b.ok("space", "subscribe", "catalogue/16")
        self.meet()
        self.assertEqual(self.why(self.b, other)["state"], "here")
