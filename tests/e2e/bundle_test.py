"""Exchange by USB stick."""

import os

from harness import Case


class Bundle(Case):
    def setUp(self):
        super().setUp()
        self.a = self.founder("une")
        self.a.serve()
        self.b = self.joined(self.a, "autre")
        self.a.stop()
        self.stick = self.path("stick")

    def test_carries_everything_then_only_what_is_new(self):
        self.a.ok("put", "lieux", "nom=Un")
        first = self.a.ok("bundle", "export", "--force", "-o", self.stick)
        self.assertEqual(first["bytes"], os.path.getsize(self.stick))
        done = self.b.ok("bundle", "import", self.stick)
        self.assertEqual((done["commits"], done["rejected"]), (first["commits"], 0))
        self.assertGreaterEqual(done["applied"], 1)
        self.assertEqual(self.a.digests(), self.b.digests())
        again = self.b.ok("bundle", "import", self.stick)
        self.assertEqual((again["applied"], again["known"]), (0, first["commits"]))

        self.a.ok("put", "lieux", "nom=Deux")
        second = self.path("stick2")
        out = self.a.ok("bundle", "export", "-o", second, "--since", self.stick)
        self.assertEqual(out["commits"], 1)
        self.assertEqual(self.b.ok("bundle", "import", second)["applied"], 1)
        self.assertEqual(self.a.digests(), self.b.digests())
        self.assertEqual(self.a.ok("bundle", "export", "--force", "-o", self.stick, "--since", second)["commits"], 0)

    def test_what_comes_too_early_waits(self):
        base = self.path("base")
        self.a.ok("bundle", "export", "-o", base)
        self.a.ok("put", "lieux", "nom=Un")
        self.a.ok("bundle", "export", "--force", "-o", self.stick, "--since", base)
        late = self.path("late")
        made = self.a.ok("put", "lieux", "nom=Deux")
        self.a.ok("bundle", "export", "-o", late, "--since", self.stick)
        self.assertEqual(self.b.ok("bundle", "import", late)["pending"], 1)
        self.assertEqual(self.b.ok("why", "lieux", made["id"])["state"], "pending")
        self.assertEqual(self.b.ok("bundle", "import", self.stick)["applied"], 2)
        self.assertEqual(self.b.ok("why", "lieux", made["id"])["state"], "here")
        self.assertEqual(self.a.digests(), self.b.digests())

    def test_a_spoiled_one_is_refused_whole(self):
        self.a.ok("put", "lieux", "nom=Un")
        self.a.ok("bundle", "export", "--force", "-o", self.stick)
        before = self.b.digests()
        with open(self.stick, "rb") as source:
            sound = source.read()
        for spoiled in (sound[:-1], sound[:len(sound) // 2], sound + b"X", sound[:20],
                        sound[:60] + bytes([sound[60] ^ 1]) + sound[61:]):
            with open(self.path("bad"), "wb") as out:
                out.write(spoiled)
            self.refuses(self.b, 6, "bundle", "import", self.path("bad"))
        with open(self.path("bad"), "wb") as out:
            out.write(b"PK\x03\x04 not a bundle")
        self.refuses(self.b, 1, "bundle", "import", self.path("bad"))
        self.refuses(self.b, 3, "bundle", "import", self.path("none"))
        self.assertEqual(self.b.digests(), before)

    def test_of_another_federation(self):
        self.a.ok("bundle", "export", "--force", "-o", self.stick)
        other = self.founder("tierce")
        self.refuses(other, 1, "bundle", "import", self.stick)
        alone = self.node("seule")
        alone.init()
        self.refuses(alone, 1, "bundle", "import", self.stick)
        self.refuses(alone, 1, "bundle", "export", "-o", self.path("x"))
        self.assertFalse(os.path.exists(self.path("x")))
