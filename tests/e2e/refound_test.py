"""Beginning again when the delegates are lost."""

import os

from harness import Case


class Refound(Case):
    def federation(self, *more):
        """The founder, who will be lost, and two or more; all know all."""
        lost = self.founder("perdue")
        lost.serve()
        nodes = [lost] + [self.joined(lost, name) for name in ("une", "deux", *more)]
        return nodes

    def refounded(self, node, *others, **options):
        """The node founds anew, and the others join it; it goes on serving."""
        made = node.ok("federation", "refound", *options.get("words", ()))
        node.serve()
        for other in others:
            self.joins(node, other)
        return made

    def joins(self, host, node):
        self.assertEqual(node.ok("join", host.ok("invite")["code"], "--wait", 60)["status"], "admitted")
        self.synced(node)
        self.assertEqual(host.digests(), node.digests())

    def synced(self, *nodes):
        for node in nodes:
            self.assertTrue(node.ok("sync", "--wait", 60)["converged"], node.name)

    def fields(self, node, collection="lieux"):
        return {r["id"]: r["fields"] for r in node.ok("find", collection, "--limit", 1000)["records"]}

    def test_fields_of_every_type_come_along(self):
        lost, a, b = self.federation()
        record = a.ok("put", "lieux", "nom=Un", "notes=Ouvert le lundi.", "langues+=fr", "visites+=3",
                      'etapes:=["accueil","bilan"]', "record=12", "--type", "notes=text", "--type",
                      "langues=set", "--type", "visites=counter", "--type", "etapes=list", "--type",
                      "record=max")["id"]
        self.synced(a, b)
        b.ok("put", "lieux", "--id", record, "langues+=ar", "visites+=4", "record=15")
        self.synced(b, a)
        before = self.fields(a)[record]
        lost.stop()
        a.ok("federation", "refound", "--quorum", "1")
        a.serve()
        code = a.ok("invite")["code"]
        b.ok("join", code, "--yes", "--wait", 60)
        self.synced(b)
        for node in (a, b):
            self.assertEqual(self.fields(node)[record], before)
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])

    def test_what_somebody_asked_to_erase_is_decided_on_before(self):
        lost, a, b = self.federation()
        record = b.ok("put", "lieux", "nom=N", "tel=0545")["id"]
        self.synced(b, a)
        asked = a.ok("erase", "lieux", record, "--field", "tel")["ids"][0]
        self.synced(a, b)
        lost.stop()
        a.ok("federation", "refound", "--quorum", "1")
        a.serve()
        code = a.ok("invite")["code"]
        error = self.refuses(b, 1, "join", code, "--yes", "--wait", 60)
        self.assertIn("erasures", error["hint"])
        self.refuses(b, 1, "federation", "refound")
        b.ok("erasures", "lift", asked)
        b.ok("join", code, "--yes", "--wait", 60)
        self.synced(b)
        for node in (a, b):
            self.assertEqual(self.fields(node)[record], {"nom": "N", "tel": "0545"})

    def test_each_member_brings_along_what_it_wrote(self):
        lost, a, b = self.federation()
        csv = self.write("l.csv", "id,nom,commune\n1,Un,Cognac\n2,Deux,Jarnac\n3,Trois,Saintes\n")
        b.ok("import", csv, "--collection", "lieux", "--source", "carte")
        of_lost = lost.ok("put", "lieux", "nom=de la perdue")["id"]
        of_a = a.ok("put", "lieux", "nom=à une", "commune=Cognac")["id"]
        self.synced(a, b, a)
        ids = {f["nom"]: i for i, f in self.fields(b).items()}
        # One field of another's record, a correction and a delete of imported rows, and a conflict.
        a.ok("put", "lieux", "--id", ids["Un"], "commune=Angoulême")
        b.ok("put", "lieux", "--id", ids["Deux"], "nom=Deux corrigé")
        b.ok("delete", "lieux", ids["Trois"])
        self.synced(a, b, a)
        lost.stop()
        a.ok("put", "lieux", "--id", of_a, "commune=Saintes")
        b.ok("put", "lieux", "--id", of_a, "commune=Royan")
        a.serve()
        b.ok("peer", "add", f"ws://127.0.0.1:{a.port}")
        self.synced(b)
        self.assertEqual(a.ok("conflicts")["conflicts"][0]["field"], "commune")
        before = a.ok("federation", "show")
        self.assertIsNone(before["refounds"])
        old = self.fields(b)

        error = self.refuses(a, 1, "federation", "refound")
        self.assertIn("daemon", error["message"])
        a.stop()
        member = a.ok("status")["member_id"]
        made = a.ok("federation", "refound", "--quorum", "1")
        self.assertEqual(made["refounds"], before["federation_id"])
        self.assertNotEqual(made["federation_id"], before["federation_id"])
        show = a.ok("federation", "show")
        self.assertEqual((show["refounds"], show["name"]), (before["federation_id"], "Essai"))
        self.assertEqual(show["delegates"], [member])
        self.assertEqual({s["name"] for s in a.ok("space", "list")["spaces"]},
                         {"annuaire", "formation", "catalogue/16", "indicateurs/16"})
        self.assertEqual(self.fields(a), {of_a: {"nom": "à une", "commune": "Saintes"},
                                          ids["Un"]: {"commune": "Angoulême"}})
        # The founder goes on before the others come.
        a.ok("put", "lieux", "--id", ids["Un"], "nom=Un autrement")

        a.serve(port=a.port)
        code = a.ok("invite", "--region", "16")["code"]
        b.serve()
        self.assertIn("stop", self.refuses(b, 1, "join", code)["hint"])
        b.stop()
        self.assertEqual(b.ok("join", code, "--wait", 60)["status"], "admitted")
        self.synced(b)
        want = dict(old)
        del want[of_lost]
        got = self.fields(a)
        self.assertEqual(got, self.fields(b))
        self.assertEqual(a.digests(), b.digests())
        conflicts = {(c["id"], c["field"]): sorted(c["values"]) for c in a.ok("conflicts")["conflicts"]}
        self.assertEqual(conflicts, {(of_a, "commune"): ["Royan", "Saintes"],
                                     (ids["Un"], "nom"): ["Un", "Un autrement"]})
        for fields in (want, got):
            fields[of_a].pop("commune")
            fields[ids["Un"]].pop("nom")
        self.assertEqual(got, want)
        # The source says nothing new, and brings back nothing that was deleted.
        again = b.ok("import", csv, "--collection", "lieux", "--source", "carte")
        self.assertEqual((again["created"], again["changed"]), (0, 0), again)
        # What was of others stays readable where it was.
        former = self.node("avant")
        former.dir = made["former_data"]
        self.assertEqual(former.ok("get", "lieux", of_lost)["fields"]["nom"], "de la perdue")
        self.assertEqual(former.ok("federation", "show")["federation_id"], before["federation_id"])
        for node in (a, b):
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])

    def test_a_daemon_that_is_admitted_later_brings_it_along_too(self):
        lost, a, b = self.federation()
        b.ok("put", "lieux", "nom=de deux")
        self.synced(b, a)
        lost.stop()
        a.ok("federation", "refound", "Nouvelle", "--quorum", "2")
        self.assertEqual(a.ok("federation", "show")["name"], "Nouvelle")
        a.serve(port=lost.port)
        b.ok("join", a.ok("invite", "--region", "16")["code"], "--wait", 0)
        b.serve()
        self.eventually("what it wrote", lambda: a.ok("find", "lieux")["total"] == 1)
        self.eventually("it agrees", lambda: a.digests() == b.digests())
        b.stop()
        b.serve(port=b.port)
        self.synced(b, a)
        self.assertEqual(a.digests(), b.digests())

    def test_records_that_belong_to_somebody_still_do(self):
        lost, a, b = self.federation()
        mine = b.ok("put", "lieux", "--key", "siège", "nom=chez deux", "langues+=fr",
                    "--type", "langues=set")["id"]
        self.synced(b, a)
        self.refuses(a, 4, "put", "lieux", "--id", mine, "nom=pris")
        lost.stop()
        self.refounded(a, b, words=("--quorum", "1"))
        for node in (a, b):
            self.assertEqual(self.fields(node)[mine], {"nom": "chez deux", "langues": ["fr"]})
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])
        self.assertIn("deux", self.refuses(a, 4, "put", "lieux", "--id", mine, "nom=pris")["message"])
        # The owner's name for it finds it again.
        self.assertEqual(b.ok("put", "lieux", "--key", "siège", "nom=encore")["id"], mine)
        self.synced(b)
        self.assertEqual(self.fields(a)[mine]["nom"], "encore")

    def test_an_heir_brings_along_what_it_inherited(self):
        lost, a, b = self.federation()
        mine = b.ok("put", "lieux", "--key", "siège", "nom=chez deux", "commune=Cognac", "langues+=fr",
                    "--type", "langues=set")["id"]
        plain = b.ok("put", "lieux", "nom=pas hérité")["id"]
        self.synced(b)
        self.assertEqual(lost.ok("propose", "succession", "deux", "une")["status"], "passed")
        self.synced(a, b)
        a.ok("put", "lieux", "--id", mine, "commune=Jarnac")
        self.synced(a, b)
        lost.stop()
        self.refounded(a, words=("--quorum", "1"))
        whole = {"nom": "chez deux", "commune": "Jarnac", "langues": ["fr"]}
        self.assertEqual(self.fields(a), {mine: whole})
        a.ok("put", "lieux", "--id", mine, "nom=chez une")
        self.assertEqual(a.ok("verify", "--deep")["errors"], [])
        # The owner may come after all: then it is its own again, as it left it.
        self.joins(a, b)
        for node in (a, b):
            self.assertEqual(self.fields(node)[mine]["nom"], "chez deux")
            self.assertEqual(self.fields(node)[plain], {"nom": "pas hérité"})
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])
        self.refuses(a, 4, "put", "lieux", "--id", mine, "nom=pris")

    def test_an_owner_who_comes_back_has_its_records_even_if_nothing_in_them_is_its_own(self):
        lost, a, b = self.federation()
        mine = b.ok("put", "lieux", "--key", "siège", "nom=chez deux", "commune=Cognac")["id"]
        self.synced(b)
        self.assertEqual(lost.ok("propose", "succession", "deux", "une")["status"], "passed")
        self.synced(a, b)
        # The heir says all of it anew.
        a.ok("put", "lieux", "--id", mine, "nom=chez une", "commune=Jarnac")
        self.synced(a, b)
        lost.stop()
        self.refounded(a, b, words=("--quorum", "1"))
        for node in (a, b):
            self.assertEqual(self.fields(node)[mine], {"nom": "chez une", "commune": "Jarnac"})
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])
        self.assertIn("deux", self.refuses(a, 4, "put", "lieux", "--id", mine, "nom=pris")["message"])
        self.assertEqual(b.ok("put", "lieux", "--key", "siège", "nom=repris")["id"], mine)
        self.synced(b)
        self.assertEqual(self.fields(a)[mine]["nom"], "repris")
        self.assertEqual(a.ok("conflicts")["conflicts"], [])

    def projects(self, node):
        """Who writes in the spaces of one name, and what stands there. The name means neither: both
        are open to both."""
        spaces = [s for s in node.ok("space", "list")["spaces"] if s["name"] == "projets"]
        self.assertEqual([s["meant_by_name"] for s in spaces], [False] * len(spaces))
        spaces.sort(key=lambda s: s["writers"])
        return [(s["writers"], sorted(r["fields"]["nom"] for r in node.ok(
            "find", "--space", s["space_id"], "idees")["records"])) for s in spaces]

    def test_two_spaces_of_one_name_stay_two(self):
        lost, a, b = self.federation()
        lost.stop()
        for node in (a, b):
            node.ok("space", "create", "projets", "--reader", "all", "--writer", node.name)
            node.ok("put", "--space", "projets", "idees", f"nom=de {node.name}")
        self.converge(a, b)
        before = self.projects(a)
        self.assertEqual(len(before), 2)
        self.assertEqual(before, self.projects(b))
        # More in each, by its id: the name means both.
        for node in (a, b):
            [own] = [s["space_id"] for s in node.ok("space", "list")["spaces"]
                     if s["name"] == "projets" and s["may_write"]]
            node.ok("put", "--space", own, "idees", f"nom=encore de {node.name}")
        self.converge(a, b)
        before = self.projects(a)
        self.refounded(a, b, words=("--quorum", "1"))
        for node in (a, b):
            self.assertEqual(self.projects(node), before)

    def test_who_waits_for_votes_enters_what_continues_the_federation_at_once(self):
        """With a code of the new one, in the folder that has a wish of the old one."""
        a = self.founder("une")
        a.serve()
        b = self.joined(a, "deux")
        a.ok("propose", "charter", "quorum", "2")
        n = self.node("nouvelle")
        n.init()
        asked = n.ok("join", a.ok("invite", "--region", "16")["code"], "--wait", 60)
        self.assertEqual(asked["status"], "pending")
        a.stop()
        self.refounded(a, words=("--quorum", "1"))
        code = a.ok("invite", "--region", "16")["code"]
        self.assertEqual(n.ok("join", code, "--wait", 60)["status"], "admitted")
        self.joins(a, b)
        self.assertEqual({m["name"] for m in a.ok("member", "list")["members"]},
                         {"une", "deux", "nouvelle"})

    def test_a_second_refounding_takes_everybody_along(self):
        """From the first federation as well as from the second, whoever founded that."""
        lost, a, b, c = self.federation("trois")
        for node in (a, b, c):
            node.ok("put", "lieux", f"nom=de {node.name}")
        self.synced(a, b, c)
        lost.stop()
        first = self.refounded(a, b, words=("--quorum", "1"))
        b.ok("put", "lieux", "nom=entre-temps")
        self.synced(b)
        a.stop()
        second = self.refounded(a, words=("Encore",))
        show = a.ok("federation", "show")
        self.assertEqual(show["before"], [first["federation_id"], first["refounds"]])
        self.assertEqual(second["refounds"], first["federation_id"])
        self.joins(a, b)
        self.joins(a, c)
        self.synced(b)
        for node in (a, b, c):
            self.assertEqual(self.names(node), ["de deux", "de trois", "de une", "entre-temps"])
            self.assertEqual(node.ok("federation", "show")["federation_id"], second["federation_id"])

    def test_of_two_who_refound_at_once_either_joins_the_other_with_all_it_wrote_since(self):
        lost, a, b, c = self.federation("trois")
        for node in (a, b, c):
            node.ok("put", "lieux", f"nom=de {node.name}")
        self.synced(a, b, c)
        lost.stop()
        first = self.refounded(a, b, words=("--quorum", "1"))
        for node in (a, b):
            node.ok("put", "lieux", f"nom=depuis {node.name}")
        self.synced(b)
        self.refounded(c, words=("--quorum", "1"))
        code = c.ok("invite")["code"]
        self.assertIn("stop", self.refuses(a, 1, "join", code)["hint"])
        old_code = a.ok("invite")["code"]
        a.stop()
        self.joins(c, a)
        self.joins(c, b)
        self.synced(a)
        for node in (a, b, c):
            self.assertEqual(self.names(node), ["de deux", "de trois", "de une", "depuis deux",
                                                "depuis une"])
            self.assertEqual(node.ok("conflicts")["conflicts"], [])
        self.assertEqual(a.digests(), b.digests())
        # A code of the federation where one is changes nothing.
        self.assertEqual(b.ok("join", c.ok("invite")["code"])["status"], "admitted")
        self.assertEqual(self.names(b), self.names(a))
        # Back to the one that was left leads a code of it nowhere, but says where that is.
        hint = self.refuses(a, 1, "join", old_code)["hint"]
        self.assertIn(os.path.join(a.dir, "before-" + first["federation_id"][:12]), hint)

    def test_a_refounding_cut_short_ends_at_the_next_start(self):
        a = self.founder("une")
        a.ok("put", "lieux", "nom=mien")
        old = a.ok("federation", "show")["federation_id"]
        done = a.run("federation", "refound", env={"MAILLON_FAULT": "killed_between_databases"})
        self.assertEqual(done.code, -9, done.err)
        self.assertNotIn("maillon.db", os.listdir(a.dir))
        self.assertEqual(a.ok("federation", "show")["refounds"], old)
        self.assertEqual(a.ok("find", "lieux")["total"], 1)
        self.refuses(self.node("vide"), 3, "federation", "refound")
        stranger = self.node("étrangère")
        stranger.init()
        self.refuses(stranger, 1, "federation", "refound")
        # A code of another federation moves nobody.
        other = self.founder("autre")
        other.serve()
        self.refuses(a, 1, "join", other.ok("invite")["code"])
        self.assertEqual(a.ok("federation", "show")["refounds"], old)
