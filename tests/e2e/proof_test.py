"""Proofs of records: made on one machine, checked on another that has nothing but the file."""

import os
import random
import subprocess

import harness
from harness import Case, Done, WAIT


class Proof(Case):
    def setUp(self):
        super().setUp()
        self.a, self.b = self.federation("angouleme", "cognac")
        self.id = self.a.ok("put", "lieux", "nom=Mairie")["id"]
        self.a.ok("put", "lieux", "--id", self.id, "telephone=un ancien")
        self.a.ok("put", "lieux", "nom=École")
        self.converge(self.a, self.b)
        self.b.ok("put", "lieux", "--id", self.id, "telephone=0546")
        self.converge(self.a, self.b)
        self.file = self.path("mairie.proof")
        self.federation_id = self.a.ok("federation", "show")["federation_id"]
        # Another machine: no folder of a node, no network, nothing that tells where one might be.
        self.elsewhere = self.path("elsewhere")
        os.mkdir(self.elsewhere)

    def check(self, path, *more, lang="en", json_output=True):
        command = [harness.MAILLON, "--data", self.elsewhere, "--lang", lang]
        if json_output:
            command.append("--json")
        done = subprocess.run(command + ["check-proof", path, *more], capture_output=True,
                              timeout=WAIT, cwd=self.elsewhere,
                              env={"PATH": os.environ["PATH"], "HOME": self.elsewhere})
        self.assertEqual(os.listdir(self.elsewhere), [])
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def refused(self, path, *more, code=6):
        done = self.check(path, *more)
        self.assertEqual(done.code, code, done.out + done.err)
        self.assertEqual((done.json["valid"], done.json["authors"]), (False, []))
        self.assertTrue(done.json["error"]["message"] and done.json["error"]["hint"])
        self.assertEqual(len(done.err.splitlines()), 1, done.err)
        return done.json["error"]

    def spoil(self, data):
        with open(self.path("bad"), "wb") as out:
            out.write(data)
        return self.path("bad")

    def test_shows_who_wrote_what_to_whoever_has_only_the_file(self):
        made = self.a.ok("prove", "lieux", self.id, "-o", self.file)
        self.assertTrue(made["valid"])
        done = self.check(self.file)
        self.assertEqual(done.code, 0, done.out + done.err)
        shown = done.json
        self.assertEqual(shown["valid"], True)
        self.assertEqual(shown["fields"], {"nom": "Mairie", "telephone": "0546"})
        self.assertEqual({a["name"]: a["fields"] for a in shown["authors"]},
                         {"angouleme": ["nom"], "cognac": ["telephone"]})
        self.assertEqual((shown["id"], shown["collection"], shown["space"]),
                         (self.id, "lieux", "catalogue/16"))
        entry = next(e for e in shown["entries"] if e["field"] == "telephone")
        history = self.b.ok("history", "lieux", self.id)["entries"]
        same = next(e for e in history if e["commit"] == entry["commit"])
        self.assertEqual((entry["author"], entry["time"]), (same["author"], same["time"]))
        self.assertEqual(entry["node_id"], self.b.ok("status")["node_id"])
        # Nothing of other records, nothing of what was written over.
        with open(self.file, "rb") as file:
            data = file.read()
        self.assertNotIn("École".encode(), data)
        self.assertNotIn(b"un ancien", data)
        # Both nodes know the same, so they prove it alike.
        self.b.ok("prove", "lieux", self.id, "-o", self.path("other.proof"))
        with open(self.path("other.proof"), "rb") as file:
            self.assertEqual(file.read(), data)

    def test_asks_which_federation_it_is(self):
        self.a.serve()
        self.a.ok("prove", "lieux", self.id, "-o", self.file)
        self.a.stop()
        done = self.check(self.file, json_output=False)
        self.assertEqual(done.code, 0)
        for word in (self.federation_id, "--federation", "angouleme", "cognac", "= 0546"):
            self.assertIn(word, done.out)
        french = self.check(self.file, lang="fr", json_output=False)
        self.assertIn("Preuve valable", french.out)
        self.assertIn("comparez cet identifiant", french.out)
        known = self.check(self.file, "--federation", self.federation_id, json_output=False)
        self.assertIn("the expected one", known.out)
        self.refused(self.file, "--federation", "00" * 32, code=1)
        self.refused(self.file, "--federation", "abc", code=2)
        self.refused(self.path("none"), code=3)
        # A file is replaced only when that was said.
        self.refuses(self.a, 1, "prove", "lieux", self.id, "-o", self.file)
        self.a.ok("prove", "lieux", self.id, "-o", self.file, "--force")
        self.refuses(self.a, 3, "prove", "lieux", "00" * 16, "-o", self.path("none"))
        self.assertFalse(os.path.exists(self.path("none")))

    def test_conflicts_and_former_members_are_shown(self):
        self.a.ok("put", "lieux", "--id", self.id, "nom=Mairie d’ici")
        self.b.ok("put", "lieux", "--id", self.id, "nom=Mairie de là")
        self.converge(self.a, self.b)
        self.a.ok("propose", "remove", self.b.ok("status")["member_id"])
        self.a.ok("prove", "lieux", self.id, "-o", self.file)
        shown = self.check(self.file).json
        self.assertEqual(len(shown["conflicts"]["nom"]), 2)
        status = {a["name"]: a["status"] for a in shown["authors"]}
        self.assertEqual(status, {"angouleme": "member", "cognac": "former"})
        self.assertIn("was removed", self.check(self.file, json_output=False).out)
        self.a.ok("delete", "lieux", self.id)
        self.a.ok("prove", "lieux", self.id, "-o", self.file, "--force")
        shown = self.check(self.file).json
        self.assertEqual((shown["deleted"], shown["fields"]), (True, {}))
        self.assertEqual([a["name"] for a in shown["authors"]], ["angouleme"])

    def test_shows_who_had_a_part_in_what_many_made(self):
        self.a.ok("put", "lieux", "--id", self.id, "--type", "notes=text", "--type",
                  "visites=counter", "notes=le chat dort", "visites+=2")
        self.converge(self.a, self.b)
        self.a.ok("put", "lieux", "--id", self.id, "notes+= ici")
        self.b.ok("put", "lieux", "--id", self.id, "visites+=3", "notes=le chat roux dort")
        self.converge(self.a, self.b)
        self.a.ok("prove", "lieux", self.id, "-o", self.file)
        shown = self.check(self.file).json
        self.assertEqual((shown["fields"]["notes"], shown["fields"]["visites"]),
                         ("le chat roux dort ici", 5))
        for author in shown["authors"]:
            self.assertLessEqual({"notes", "visites"}, set(author["fields"]))
        told = self.check(self.file, json_output=False).out
        self.assertEqual(told.count("= le chat roux dort ici"), 1, told)
        for total in ("= 5\n", "= 2: angouleme", "= 3: cognac"):
            self.assertIn(total, told)

    def test_words_that_were_erased_are_told(self):
        id = self.a.ok("put", "lieux", "notes=Appeler Zoé Zorglub demain.", "--type", "notes=text")["id"]
        self.a.ok("erase", "lieux", id, "--words", "Zoé Zorglub")
        self.a.ok("prove", "lieux", id, "-o", self.file)
        with open(self.file, "rb") as proof:
            self.assertNotIn(b"Zorglub", proof.read())
        self.assertEqual(self.check(self.file).json["entries"][0]["elements_erased"], 11)
        self.assertIn("11 élément(s) effacé(s)", self.check(self.file, lang="fr", json_output=False).out)

    def test_whatever_is_changed_is_refused(self):
        self.a.ok("prove", "lieux", self.id, "-o", self.file)
        with open(self.file, "rb") as file:
            sound = file.read()
        chance = random.Random(7)
        for _ in range(60):
            at = chance.randrange(len(sound))
            bit = bytes([sound[at] ^ (1 << chance.randrange(8))])
            self.refused(self.spoil(sound[:at] + bit + sound[at + 1:]))
        for spoiled in (b"", sound[:-1], sound[:40], sound + b"\0", sound[:16], sound * 2):
            self.refused(self.spoil(spoiled))
        with open(self.path("some.csv"), "w") as out:
            out.write("id,nom\n1,Mairie\n")
        self.refused(self.path("some.csv"))
        french = self.check(self.spoil(sound[:-1]), lang="fr", json_output=False)
        self.assertEqual(french.code, 6)
        self.assertIn("tronquée", french.err)
