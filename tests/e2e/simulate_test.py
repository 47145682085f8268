"""A federation played from a file: the worked example of docs/simulate.md, and files with mistakes."""

import os
import re

import harness
from harness import Case

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
EXAMPLE = os.path.join(ROOT, "deploy", "simulate", "three-regions.toml")


class Simulate(Case):
    def test_the_documented_example(self):
        with open(os.path.join(ROOT, "docs", "simulate.md")) as page:
            shown = re.search(r"^```sh\nbuild/bin/maillon (.*)$", page.read(), re.M).group(1).split()
        self.assertEqual(os.path.join(ROOT, shown[1]), EXAMPLE)
        node = self.node("n")
        command = ["simulate", EXAMPLE, *shown[2:]]
        first = node.ok(*command)
        self.assertIs(first["converged"], True)
        self.assertGreaterEqual(first["virtual_seconds"], 600)
        self.assertEqual(first["nodes"], 9)
        told = [event["what"] for event in first["events"]]
        for wanted in ("the decision on Nouvelle Voie has passed", "the network falls into parts",
                       "Hub Gironde/1 loses power", "the decision on Le Fil has passed", "all agree"):
            self.assertIn(wanted, told)
        self.assertEqual(node.ok(*command), first)
        self.assertNotEqual(node.ok("simulate", EXAMPLE, "--seed", "2")["digest"], first["digest"])
        said = node.run(*command, json_output=False, lang="fr")
        self.assertEqual(said.code, 0)
        self.assertIn("Tous sont d’accord", said.out)
        self.assertIn(first["digest"], said.out)
        self.assertFalse(os.path.exists(node.dir), "no data folder is needed or made")

    def test_mistakes(self):
        node = self.node("n")
        path = os.path.join(self.root, "bad.toml")
        with open(path, "w") as out:
            out.write('length = 60\n[[member]]\nname = "A"\nregion = "16"\nrôle = 1\n')
        self.assertIn("bad.toml, line 5", self.refuses(node, 1, "simulate", path)["message"])
        with open(path, "w") as out:
            out.write('length = 60\n[[member]]\nname = "A"\n')
        said = self.refuses(node, 1, "simulate", path, lang="fr")
        self.assertIn("ligne 2 : il manque `region`", said["message"])
        self.refuses(node, 3, "simulate", os.path.join(self.root, "none.toml"))
        self.refuses(node, 2, "simulate", EXAMPLE, "--seed", "x")
        self.refuses(node, 2, "simulate")

    def test_nodes_that_cannot_agree(self):
        node = self.node("n")
        path = os.path.join(self.root, "apart.toml")
        with open(path, "w") as out:
            out.write('length = 30\nsettle = 10\n')
            for name in "ABC":
                out.write(f'[[member]]\nname = "{name}"\nregion = "16"\n')
            out.write('[[link]]\nbetween = ["A", "B"]\n[[edit]]\nevery = 1\n')
        done = node.run("simulate", path)
        self.assertEqual((done.code, done.json["converged"]), (1, False))
