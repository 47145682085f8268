#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "proto/fault.hpp"
#include "tests/sim/mesh_run.hpp"
#include "tests/sim/world.hpp"

/// maillon_sim: seeded federations under faults. Prints what it needs to be played again.
namespace maillon::sim {
namespace {

constexpr std::uint64_t kMutantSeeds = 400;
constexpr double kCopiesMax = 1.3;    ///< of a commit, per reader of a large federation
constexpr std::uint64_t kTwice = 20;  ///< every so many seeds, one is run twice

/// A rule broken on purpose, and a seed that is known to notice: it is tried first.
struct Mutant {
  std::string name;
  std::uint64_t seed = 1;
};
const std::vector<Mutant> kMutants{{"no_dependency_check", 1},
                                   {"early_apply", 1},
                                   {"lost_tip", 1},
                                   {"ack_before_fsync", 1},
                                   {"incarnation_reused", 2},
                                   {"tie_by_arrival", 1},
                                   {"void_not_folded_again", 1},
                                   {"supersession_stops_at_void", 9},
                                   {"header_reserialised", 4},
                                   {"anyone_votes", 23},
                                   {"removal_ignored", 14},
                                   {"votes_cut_nothing", 14},
                                   {"quota_ignored", 33},
                                   {"evidence_ignored", 210},
                                   {"applied_stays", 14},
                                   {"erasure_only_hides", 3},
                                   {"late_counts", 4212},
                                   {"confirmed_yet_aside", 97}};

struct Options {
  std::uint64_t from = 1;
  std::uint64_t to = 1;
  std::string mutant;
  bool verbose = false;
  bool hash = false;
  bool mutants = false;
  std::size_t mesh = 0;     ///< nodes of one large federation, instead of many small ones
  std::string regressions;  ///< a file of seeds, one a line, words after it are left to people
};

struct Total {
  Stats stats;
  std::uint64_t seeds = 0;
  std::map<std::string, int> deeds;  ///< in how many seeds each was done
  void add(const Outcome& outcome) {
    const Stats& more = outcome.stats;
    for (const std::string& deed : outcome.deeds) ++deeds[deed];
    ++seeds;
    stats.commits += more.commits;
    stats.received += more.received;
    stats.held += more.held;
    stats.pending += more.pending;
    stats.voids += more.voids;
    stats.forks += more.forks;
    stats.sessions += more.sessions;
    stats.crashes += more.crashes;
    stats.republished += more.republished;
    stats.pruned += more.pruned;
    stats.messages += more.messages;
  }
};

void print(std::int64_t time, const std::string& words) {
  std::printf("%8.3f %s\n", static_cast<double>(time) / 1000.0, words.c_str());
}

Outcome run_seed(std::uint64_t seed, bool verbose) {
  World world{seed, verbose ? Trace::Listener{print} : Trace::Listener{}};
  return world.run();
}

/// The outcome of a seed; when it is one of those run twice, of both runs.
Outcome run_checked(std::uint64_t seed, bool verbose) {
  Outcome out = run_seed(seed, verbose);
  if (out.violation || seed % kTwice != 0) return out;
  const Outcome again = run_seed(seed, false);
  if (again.hash != out.hash) out.violation = "the same seed took another course when run again";
  return out;
}

void report(std::uint64_t seed, const Outcome& outcome, const std::string& mutant) {
  std::printf(
      "seed %llu FAILED\n  profile: %s\n  violated: %s\n  replay: ./dev sim --seed %llu%s%s\n",
      static_cast<unsigned long long>(seed), outcome.profile.c_str(), outcome.violation->c_str(),
      static_cast<unsigned long long>(seed), mutant.empty() ? "" : " --mutant ", mutant.c_str());
}

/// The seeds asked for, in order; none when a file of them cannot be read.
std::vector<std::uint64_t> seeds_of(const Options& options) {
  std::vector<std::uint64_t> out;
  if (options.regressions.empty()) {
    for (std::uint64_t seed = options.from; seed <= options.to; ++seed) out.push_back(seed);
    return out;
  }
  std::ifstream file{options.regressions};
  for (std::string line; std::getline(file, line);)
    if (const auto seed = std::strtoull(line.c_str(), nullptr, 10); seed != 0) out.push_back(seed);
  return out;
}

int run_all(const Options& options) {
  Total total;
  int failed = 0;
  const auto seeds = seeds_of(options);
  if (seeds.empty()) {
    std::printf("no seeds in %s\n", options.regressions.c_str());
    return 2;
  }
  for (const std::uint64_t seed : seeds) {
    if (options.verbose || seeds.size() == 1)
      std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    std::fflush(stdout);
    const Outcome outcome = run_checked(seed, options.verbose);
    total.add(outcome);
    if (options.hash)
      std::printf("seed %llu hash %016llx\n", static_cast<unsigned long long>(seed),
                  static_cast<unsigned long long>(outcome.hash));
    if (!outcome.violation) continue;
    report(seed, outcome, options.mutant);
    ++failed;
  }
  const Stats& s = total.stats;
  std::printf(
      "%llu seeds, %d failed: %llu commits, %llu received (%llu held, %llu waited, %llu void),"
      " %llu published again, %llu pruned, %llu forked, %llu sessions, %llu messages, %llu crashes\n",
      static_cast<unsigned long long>(total.seeds), failed,
      static_cast<unsigned long long>(s.commits), static_cast<unsigned long long>(s.received),
      static_cast<unsigned long long>(s.held), static_cast<unsigned long long>(s.pending),
      static_cast<unsigned long long>(s.voids), static_cast<unsigned long long>(s.republished),
      static_cast<unsigned long long>(s.pruned),
      static_cast<unsigned long long>(s.forks), static_cast<unsigned long long>(s.sessions),
      static_cast<unsigned long long>(s.messages), static_cast<unsigned long long>(s.crashes));
  for (const auto& [deed, count] : total.deeds) std::printf("  %s: in %d seeds\n", deed.c_str(), count);
  return failed == 0 ? 0 : 1;
}

#ifdef MAILLON_FAULTS
int run_mutants(std::uint64_t seeds) {
  int survivors = 0;
  for (const auto& [mutant, known] : kMutants) {
    set_fault(mutant);
    bool caught = false;
    for (std::uint64_t turn = 0; turn <= seeds && !caught; ++turn) {
      const std::uint64_t seed = turn == 0 ? known : turn;
      const Outcome outcome = run_seed(seed, false);
      if (!outcome.violation) continue;
      caught = true;
      std::printf("%-28s seed %-4llu %s\n", mutant.c_str(), static_cast<unsigned long long>(seed),
                  outcome.violation->substr(0, outcome.violation->find('\n')).c_str());
    }
    if (!caught) {
      std::printf("%-28s SURVIVED %llu seeds\n", mutant.c_str(),
                  static_cast<unsigned long long>(seeds));
      ++survivors;
    }
    std::fflush(stdout);
  }
  set_fault("");
  return survivors == 0 ? 0 : 1;
}
#endif

int play_mesh(const Options& options) {
  try {
    const MeshFigures f =
        run_mesh(options.mesh, options.from, options.verbose ? Trace::Listener{print} : nullptr);
    std::printf(
        "%zu nodes, %zu links: copies of a commit per reader %.3f (%.3f in the first minute, %.3f"
        " after a partition), %.0f bytes each, of which %.0f in messages of commits; everybody has"
        " all %.1f s after the last commit, %.1f s after the partition\n",
        f.nodes, f.links, f.copies, f.copies_early, f.copies_heal, f.bytes_per_copy,
        f.payload_bytes, static_cast<double>(f.spread_ms) / 1000,
        static_cast<double>(f.heal_ms) / 1000);
    if (f.copies <= kCopiesMax) return 0;
    std::printf("more than %.1f copies\n", kCopiesMax);
  } catch (const Violation& violation) {
    std::printf("violated: %s\n", violation.what.c_str());
  }
  return 1;
}

int usage() {
  std::puts(
      "usage: maillon_sim --seed N | --seeds FROM..TO [--mutant NAME] [--verbose] [--hash]\n"
      "       maillon_sim --regressions FILE | --mutants [--seeds 1..TO]\n"
      "       maillon_sim --mesh NODES [--seed N]");
  return 2;
}

bool parse(int argc, char** argv, Options& out) {
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const bool more = i + 1 < argc;
    if (arg == "--seed" && more) {
      out.from = out.to = std::strtoull(argv[++i], nullptr, 10);
    } else if (arg == "--seeds" && more) {
      const std::string range = argv[++i];
      const auto dots = range.find("..");
      if (dots == std::string::npos) return false;
      out.from = std::strtoull(range.c_str(), nullptr, 10);
      out.to = std::strtoull(range.c_str() + dots + 2, nullptr, 10);
    } else if (arg == "--mutant" && more) {
      out.mutant = argv[++i];
    } else if (arg == "--regressions" && more) {
      out.regressions = argv[++i];
    } else if (arg == "--mesh" && more) {
      out.mesh = std::strtoull(argv[++i], nullptr, 10);
    } else if (arg == "--verbose") {
      out.verbose = true;
    } else if (arg == "--hash") {
      out.hash = true;
    } else if (arg == "--mutants") {
      out.mutants = true;
      if (out.to == 1) out.to = kMutantSeeds;
    } else {
      return false;
    }
  }
  return out.from <= out.to;
}

int main_of(int argc, char** argv) {
  Options options;
  if (argc < 2 || !parse(argc, argv, options)) return usage();
  if (options.mesh > 1) return play_mesh(options);
#ifdef MAILLON_FAULTS
  if (options.mutants) return run_mutants(options.to);
  if (!options.mutant.empty()) set_fault(options.mutant);
#else
  if (options.mutants || !options.mutant.empty()) {
    std::puts("this build has no deliberate faults (MAILLON_FAULTS=OFF)");
    return 2;
  }
#endif
  return run_all(options);
}

}  // namespace
}  // namespace maillon::sim

int main(int argc, char** argv) { return maillon::sim::main_of(argc, argv); }
