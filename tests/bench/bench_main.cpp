#include <fcntl.h>
#include <fmt/core.h>
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

#include "node/admin/command.hpp"
#include "node/federation/settling.hpp"
#include "node/replica/scrub.hpp"
#include "storage/store/erase.hpp"
#include "tests/bench/rows.hpp"

/// Prints what Maillon takes beside what the same machine takes for the bare work, in one run.
/// Two processes on loopback: this one holds the records, its child receives them.
namespace maillon::bench {
namespace {

namespace fs = std::filesystem;
constexpr const char* kSpace = "catalogue/16";
constexpr std::uint64_t kRecordsMin = 3000;  ///< what the two sides edit while they are apart

/// The receiving process and its answers.
class Child {
 public:
  Child(const std::string& self, const std::string& dir, const std::string& code) {
    int in[2];
    int out[2];
    MAILLON_ASSERT(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0, "pipes");
    pid_ = fork();
    if (pid_ == 0) {
      dup2(in[0], 0);
      dup2(out[1], 1);
      execl(self.c_str(), self.c_str(), "--receiver", dir.c_str(), code.c_str(), nullptr);
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    to_ = fdopen(in[1], "w");
    from_ = fdopen(out[0], "r");
  }
  ~Child() {
    say("quit");
    fclose(to_);
    fclose(from_);
    waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  struct Answer {
    std::string word;
    double at = 0;
    std::uint64_t in = 0;
    std::uint64_t out = 0;
  };
  void say(const std::string& line) {
    std::fprintf(to_, "%s\n", line.c_str());
    std::fflush(to_);
  }
  Answer hear() {
    char line[256] = {};
    MAILLON_ASSERT(std::fgets(line, sizeof line, from_) != nullptr, "the receiver answers");
    Answer out;
    std::istringstream words{line};
    words >> out.word >> out.at >> out.in >> out.out;
    return out;
  }
  Answer hear(const std::string& word) {
    for (;;) {
      auto answer = hear();
      if (answer.word == word) return answer;
    }
  }
  Answer ask(const std::string& line, const std::string& word) {
    say(line);
    return hear(word);
  }
  [[nodiscard]] int pid() const { return pid_; }

 private:
  int pid_ = 0;
  FILE* to_ = nullptr;
  FILE* from_ = nullptr;
};

void print(const std::string& what, const std::string& figure, const std::string& ratio,
           const std::string& reach, const std::string& beyond, bool reached) {
  fmt::print("  {:<52} {:>12} {:>12}   reach {:<16} beyond {:<10} {}\n", what, figure, ratio, reach,
             beyond.empty() ? "-" : beyond, reached ? "reached" : "NOT reached");
  std::fflush(stdout);
}

template <class T>
T must(Result<T> result) {
  MAILLON_ASSERT(result.has_value(), result.error().detail);
  return *std::move(result);
}

struct Node {
  std::unique_ptr<replica::Replica> replica;
  std::unique_ptr<peers::PeerService> service;

  void write(std::span<const storage::Change> changes) {
    const auto space = replica->trust()->space_named(kSpace)->id;
    (void)must(replica->write<storage::Written>([&](storage::Store& store) {
      return store.write(space, changes, replica->author(), replica->clock().now(), replica->rng());
    }));
  }
};

std::vector<storage::Change> phone_edits(std::uint64_t from, std::uint64_t count, const std::string& tag) {
  std::vector<storage::Change> out;
  for (std::uint64_t i = from; i < from + count; ++i)
    out.push_back(typed(i, {{"telephone", Value::of_text(tag + std::to_string(i))}}));
  return out;
}

/// Records written anew, every field of them, as if each were another one.
std::vector<storage::Change> rewritten(std::uint64_t from, std::uint64_t count, std::uint64_t round) {
  constexpr std::uint64_t kOthers = 100'000'000;
  std::vector<storage::Change> out;
  for (std::uint64_t i = from; i < from + count; ++i) out.push_back(typed(i, row(i + round * kOthers)));
  return out;
}

double import_rows(Node& node, const std::string& jsonl) {
  admin::Context context{*node.replica};
  context.input = [&]() -> Result<Bytes> {
    const ByteView v = as_bytes(jsonl);
    return Bytes{v.begin(), v.end()};
  };
  admin::Request request;
  request.command = "import";
  request.options = {{"collection", {"lieux"}}, {"format", {"jsonl"}}, {"source", {"mesure"}},
                     {"file", {"mesure.jsonl"}}};
  request.json = true;
  const double from = seconds_now();
  const auto reply = admin::run(request, context);
  const double took = seconds_now() - from;
  MAILLON_ASSERT(reply.exit_code == 0, reply.json);
  return took;
}

class Run {
 public:
  /// `first_cost`: of a change in the first run, to which later ones compare theirs; 0 in that.
  Run(std::string self, std::string dir, std::uint64_t records, double& first_cost)
      : self_(std::move(self)), dir_(std::move(dir)), records_(records), first_cost_(first_cost) {}

  void all() {
    fs::create_directories(dir_);
    std::string jsonl;
    for (std::uint64_t i = 0; i < records_; ++i) jsonl += json_of(row(i)) + '\n';
    limits_ = measure_limits(records_, dir_, jsonl);
    fmt::print("\n{} records, {} bytes of JSON each\n", records_, jsonl.size() / records_);
    fmt::print("  limits of this run: raw insert {:.3f} s, BLAKE2b {:.3f} s, zstd -3 {:.3f} s and {:.1f}x,"
               " loopback round trip {:.0f} us, fdatasync {:.0f} us\n",
               limits_.raw_insert_s, limits_.hash_s, limits_.zstd_s,
               static_cast<double>(jsonl.size()) / static_cast<double>(limits_.zstd_bytes),
               limits_.round_trip_s * 1e6, limits_.fdatasync_s * 1e6);
    prepare();
    import_and_memory(jsonl);
    jsonl.clear();
    jsonl.shrink_to_fit();
    initial_sync();
    live_edits();
    reconnects();
    diverged();
    restart_and_disk();
    prune_some();
    erase_some();
  }

  /// What 10,000 edits leave on the disk once they are settled, beside the same records written once.
  void forgetting() {
    constexpr std::uint64_t kRounds = 100;
    fmt::print("\n{} records, changed {} times each, a commit for all at once\n", records_, kRounds);
    fs::create_directories(dir_);
    prepare();
    a_.service.reset();
    crypto::SeededRng rng{1};
    std::vector<storage::Change> all;
    for (std::uint64_t i = 0; i < records_; ++i) all.push_back(change_of(i));
    a_.write(all);
    const double once = indexed_size();
    for (std::uint64_t round = 0; round < kRounds; ++round) {
      for (std::uint64_t i = 0; i < records_; ++i) all[i] = edit_of(i, rng);
      a_.write(all);
    }
    const double before = indexed_size();
    settle();
    const double from = seconds_now();
    federation::Pruner pruner{*a_.replica};
    while (must(pruner.step())) {
    }
    const double took = seconds_now() - from;
    const double after = indexed_size();
    print("disk with all of it", fmt::format("{:.2f} MiB", before / (1 << 20)),
          fmt::format("{:.2f}x once", before / once), "-", "", true);
    print("disk once it is settled and packed", fmt::format("{:.2f} MiB", after / (1 << 20)),
          fmt::format("{:.2f}x once", after / once), "3x", "", after <= 3 * once);
    print(fmt::format("  in which {} payloads went", pruner.leaves()), fmt::format("{:.3f} s", took), "",
          "-", "", true);
    a_.replica.reset();
  }

 private:
  /// As people change a place: its telephone, its mail, its hours, or what it says of itself.
  static storage::Change edit_of(std::uint64_t number, Rng& rng) {
    const auto some = rng.u64();
    const auto of_another = row(some >> 8);
    const std::string text = "Lieu ouvert à tous ; " + of_another[2].second.text() + ", " +
                             of_another[14].second.text() + " ; sur rendez-vous au " +
                             of_another[9].second.text();
    const std::array fields{of_another[9], of_another[10],
                            std::pair{std::string{"horaires"},
                                      Value::of_text(fmt::format("Mo-Fr 09:{:02}-12:00,14:00-1{}:30",
                                                                 some % 60, some % 7 + 3))},
                            std::pair{std::string{"presentation"}, Value::of_text(text)}};
    return typed(number, {fields[some % fields.size()]});
  }

  /// Bytes of the database, its search index made.
  double indexed_size() {
    (void)must(a_.replica->write<bool>([](storage::Store&) -> Result<bool> { return true; }));
    MAILLON_ASSERT(a_.replica->finish_index().has_value(), "the search index can be made");
    a_.replica.reset();
    const auto size = static_cast<double>(fs::file_size(dir_ + "/a/maillon.db"));
    a_.replica = must(replica::Replica::open(dir_ + "/a", std::nullopt));
    return size;
  }

  void prepare() {
    crypto::SystemRng rng;
    const crypto::SigningKey root{crypto::Secret32::random(rng)};
    (void)must(replica::Replica::init(dir_ + "/a", {"Source", Role::cooperative, "16", std::nullopt},
                                      root, rng));
    a_.replica = must(replica::Replica::open(dir_ + "/a", std::nullopt));
    (void)must(federation::create(*a_.replica, {"Mesure", "1"}));
    a_.service = must(peers::PeerService::start(*a_.replica, {"127.0.0.1:0", {}, {}, {}, false}));
    address_ = a_.service->listening_on();
    code_ = must(federation::invite(*a_.replica, {})).encode();
  }

  void import_and_memory(const std::string& jsonl) {
    const double took = import_rows(a_, jsonl);
    const double ratio = took / limits_.raw_insert_s;
    print("import from JSONL, signed and durable", fmt::format("{:.3f} s", took),
          fmt::format("{:.2f}x raw", ratio), "4x", "2x", ratio <= 4);
  }

  void initial_sync() {
    child_.emplace(self_, dir_ + "/b", code_);
    const double from = seconds_now();
    const std::size_t idle_a = memory(getpid(), "VmRSS");
    (void)std::ofstream{"/proc/self/clear_refs"}.write("5", 1);  // Resets VmHWM.
    (void)child_->ask("join", "joined");
    const auto done = child_->ask("agree", "agreed");
    const double took = done.at - from;
    const double ratio = took / limits_.raw_insert_s;
    print("initial sync, joining included, durable", fmt::format("{:.3f} s", took),
          fmt::format("{:.2f}x raw", ratio), "2.5x", "1.3x", ratio <= 2.5);
    const double wire = static_cast<double>(done.in) / static_cast<double>(limits_.zstd_bytes);
    print("bytes on the wire, initial sync", fmt::format("{}", done.in), fmt::format("{:.2f}x zstd", wire),
          "1.1x", "0.95x", wire <= 1.1);
    const auto mib = [](std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
    const double sender = mib(memory(getpid(), "VmHWM")) - mib(idle_a);
    const double receiver = mib(memory(child_->pid(), "VmHWM"));
    print("peak memory of the sender above idle", fmt::format("{:.1f} MiB", sender), "", "64 MiB",
          "32 MiB", sender <= 64);
    print("peak memory of the receiver, all of it", fmt::format("{:.1f} MiB", receiver), "",
          "64 MiB + idle", "", receiver <= 64 + 40);
  }

  void live_edits() {
    constexpr int kEdits = 300;
    (void)child_->ask("watch", "watching");
    const auto before = child_->ask("bytes", "bytes");
    std::vector<double> all;
    for (int i = 0; i < kEdits; ++i) {
      const auto edit = phone_edits(static_cast<std::uint64_t>(i), 1, "+3305");
      const double from = seconds_now();
      a_.write(edit);
      all.push_back(child_->hear("durable").at - from);
    }
    const auto after = child_->ask("bytes", "bytes");
    (void)child_->ask("quiet", "quiet");
    std::ranges::sort(all);
    const double p50 = all[all.size() / 2] * 1e3;
    const double p99 = all[all.size() * 99 / 100] * 1e3;
    const double each =
        static_cast<double>(after.in - before.in + after.out - before.out) / kEdits;
    print("one edit until durable on the other side, p50", fmt::format("{:.2f} ms", p50),
          fmt::format("{:.1f}x 2 fsync", p50 / 2e3 / limits_.fdatasync_s), "2 ms", "1 ms", p50 <= 2);
    print("  p99", fmt::format("{:.2f} ms", p99), "", "8 ms", "", p99 <= 8);
    print("  bytes, both ways", fmt::format("{:.0f}", each), "", "800", "400", each <= 800);
  }

  /// From the start of dialling until both agree, and the bytes that took.
  std::pair<double, std::uint64_t> reconnect() {
    const double from = seconds_now();
    (void)child_->ask("start", "started");
    const auto done = child_->ask("agree", "agreed");
    return {done.at - from, done.in + done.out};
  }

  void reconnects() {
    (void)child_->ask("agree", "agreed");
    (void)child_->ask("stop", "stopped");
    const auto [nothing_s, nothing_bytes] = reconnect();
    print("reconnect with nothing to do, handshake included", fmt::format("{:.1f} ms", nothing_s * 1e3),
          fmt::format("{} B", nothing_bytes), "15 ms, 1 KiB+", "", nothing_s <= 0.015);
    (void)child_->ask("stop", "stopped");
    a_.write(phone_edits(0, std::min<std::uint64_t>(100, records_), "+3306"));
    const auto [changed_s, changed_bytes] = reconnect();
    const std::uint64_t payload = 100 * (sizeof "\"telephone\":\"+3306\"" + 3);
    print("100 changed records, reconnecting", fmt::format("{:.1f} ms", changed_s * 1e3),
          fmt::format("{} B", changed_bytes - nothing_bytes), "1.5x + 4 KiB", "",
          changed_bytes - nothing_bytes <= payload * 3 / 2 + 4096);
  }

  void diverged() {
    (void)child_->ask("stop", "stopped");
    for (std::uint64_t i = 0; i < 10; ++i) a_.write(phone_edits(1000 + i * 100, 100, "+3307"));
    (void)child_->ask("edit 1900 1000 100 +3308", "edited");
    const auto [took, bytes] = reconnect();
    print("both diverged by 1,000 edits, 100 conflicts", fmt::format("{:.0f} ms", took * 1e3),
          fmt::format("{} B", bytes), "200 ms", "100 ms", took <= 0.2);
  }

  void restart_and_disk() {
    (void)child_->ask("stop", "stopped");
    child_.reset();
    a_.service.reset();
    a_.replica.reset();
    const double from = seconds_now();
    a_.replica = must(replica::Replica::open(dir_ + "/a", std::nullopt));
    const auto space = a_.replica->trust()->space_named(kSpace)->id;
    const auto first = must(a_.replica->read<std::optional<replica::RecordView>>(
        [&](replica::Reader& reader) { return reader.get(space, "lieux", change_of(7).id); }));
    const double took = seconds_now() - from;
    print("restart to first answer", fmt::format("{:.0f} ms", took * 1e3), first ? "" : "no answer",
          "300 ms", "100 ms", took <= 0.3 && first.has_value());
    const double once = change_cost();
    if (first_cost_ == 0) first_cost_ = once;
    print("one local change, durable", fmt::format("{:.0f} us", once * 1e6),
          fmt::format("{:.2f}x first", once / first_cost_), "1.2x", "", once <= 1.2 * first_cost_);
    const double size = indexed_size();
    a_.replica.reset();
    const double ratio = size / static_cast<double>(limits_.raw_bytes);
    print("disk: log, state, indexes, full text", fmt::format("{:.1f} MiB", size / (1 << 20)),
          fmt::format("{:.2f}x raw", ratio), "3x", "2x", ratio <= 3);
    const double idle = idle_daemon() / (1 << 20);
    print("idle daemon", fmt::format("{:.1f} MiB", idle), "", "40 MiB", "25 MiB", idle <= 40);
  }

  /// Settles versions that others replaced, once somebody else has built on those, and takes them out.
  void prune_some() {
    const std::uint64_t count = std::min<std::uint64_t>(10'000, records_);
    a_.replica = must(replica::Replica::open(dir_ + "/a", std::nullopt));
    for (const std::uint64_t round : {1, 2}) a_.write(rewritten(records_ - count, count, round));
    a_.service = must(peers::PeerService::start(*a_.replica, {address_, {}, {}, {}, false}));
    child_.emplace(self_, dir_ + "/b", code_);
    (void)child_->ask("start", "started");
    (void)child_->ask("agree", "agreed");
    (void)child_->ask("edit 0 1 1 +3312", "edited");
    (void)child_->ask("agree", "agreed");
    child_.reset();
    a_.service.reset();
    settle();
    const double from = seconds_now();
    federation::Pruner pruner{*a_.replica};
    while (must(pruner.step())) {
    }
    const double took = seconds_now() - from;
    const double raw = limits_.raw_insert_s * static_cast<double>(count) / static_cast<double>(records_);
    print(fmt::format("{} payloads pruned, pages given back", pruner.leaves()),
          fmt::format("{:.3f} s", took), fmt::format("{:.1f}x raw", took / raw), "-", "", true);
    a_.replica.reset();
  }

  /// The only delegate need not wait for settlement_days to agree with itself.
  void settle() {
    const auto space = a_.replica->trust()->space_named(kSpace)->id;
    const auto now = a_.replica->clock().now();
    (void)must(a_.replica->write<storage::CommitPtr>(
        [&](storage::Store& store) -> Result<storage::CommitPtr> {
          MAILLON_TRY(auto checkpoint, store.draft_checkpoint(space, Hlc::at(now, 0)));
          MAILLON_ASSERT(checkpoint.has_value(), "something is settled");
          Proposal proposal;
          proposal.checkpoint = *std::move(checkpoint);
          const std::vector<storage::GovernanceOp> ops{
              {OpKind::proposal, encode(proposal)},
              {OpKind::vote, encode(Vote{std::nullopt, 1, {}})}};
          return store.write_governance(ops, a_.replica->author(), a_.replica->clock().now(),
                                        a_.replica->rng());
        }));
  }

  /// Asks to erase a field of many imported records at once, and waits until it is gone from the
  /// database, its journal and its search index, which is made anew later.
  void erase_some() {
    a_.replica = must(replica::Replica::open(dir_ + "/a", std::nullopt));
    const auto space = a_.replica->trust()->space_named(kSpace)->id;
    const std::uint64_t count = std::min<std::uint64_t>(10'000, records_);
    std::vector<storage::ErasureWish> wishes;
    for (std::uint64_t i = 0; i < count; ++i) wishes.push_back({"lieux", change_of(i).id, {"telephone"}});
    const double from = seconds_now();
    (void)must(a_.replica->write<std::size_t>([&](storage::Store& store) -> Result<std::size_t> {
      MAILLON_TRY(const auto done, store.erase(space, wishes, a_.replica->author(),
                                               a_.replica->clock().now(), a_.replica->rng()));
      return done.own;
    }));
    const double asked = seconds_now();
    MAILLON_ASSERT(must(replica::finish_erasures(*a_.replica)), "nobody reads an older snapshot");
    const double took = seconds_now() - from;
    const double raw = limits_.raw_insert_s * static_cast<double>(count) / static_cast<double>(records_);
    print(fmt::format("{} records erased of, and gone", count), fmt::format("{:.3f} s", took),
          fmt::format("{:.1f}x raw", took / raw), "-", "", true);
    print("  of which asking and destroying", fmt::format("{:.3f} s", asked - from), "", "-", "", true);
    a_.replica.reset();
  }

  /// Resident bytes of `maillon serve` on this folder, once it has nothing to do.
  double idle_daemon() {
    const std::string maillon = fs::path{self_}.parent_path() / "maillon";
    const pid_t pid = fork();
    if (pid == 0) {
      freopen("/dev/null", "w", stdout);
      freopen("/dev/null", "w", stderr);
      execl(maillon.c_str(), maillon.c_str(), "--data", (dir_ + "/a").c_str(), "serve", "--listen",
            "127.0.0.1:0", nullptr);
      _exit(127);
    }
    std::this_thread::sleep_for(std::chrono::seconds{3});
    const auto resident = static_cast<double>(memory(pid, "VmRSS"));
    kill(pid, SIGTERM);
    waitpid(pid, nullptr, 0);
    return resident;
  }

  double change_cost() {
    constexpr int kChanges = 200;
    const double from = seconds_now();
    for (int i = 0; i < kChanges; ++i)
      a_.write(phone_edits(static_cast<std::uint64_t>(i) * 37 % records_, 1, "+3309"));
    return (seconds_now() - from) / kChanges;
  }

  std::string self_;
  std::string dir_;
  std::uint64_t records_;
  double& first_cost_;
  Limits limits_;
  Node a_;
  std::string address_;
  std::string code_;
  std::optional<Child> child_;
};

}  // namespace
}  // namespace maillon::bench

int main(int argc, char** argv) {
  using namespace maillon;
  // As the product sets it.
  ::mallopt(M_MMAP_THRESHOLD, 8 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 16 << 20);
  if (const auto ready = crypto::self_test(); ready.has_error()) return 1;
  if (argc == 4 && std::string{argv[1]} == "--receiver") return bench::receive(argv[2], argv[3]);
  std::vector<std::uint64_t> sizes;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word{argv[i]};
    std::uint64_t records = 0;
    const auto [end, error] = std::from_chars(word.begin(), word.end(), records);
    if (error != std::errc{} || end != word.end() || records < bench::kRecordsMin) {
      fmt::print(stderr, "maillon_bench [RECORDS …]: numbers of records, each at least {}\n", bench::kRecordsMin);
      return 2;
    }
    sizes.push_back(records);
  }
  if (sizes.empty()) sizes = {10'000, 100'000, 1'000'000};
  const auto root = std::filesystem::temp_directory_path() / ("maillon-bench-" + std::to_string(getpid()));
  double first_cost = 0;
  for (const auto records : sizes) {
    bench::Run{std::filesystem::read_symlink("/proc/self/exe").string(),
               (root / std::to_string(records)).string(), records, first_cost}
        .all();
    std::filesystem::remove_all(root / std::to_string(records));
  }
  bench::Run{{}, (root / "forgetting").string(), 100, first_cost}.forgetting();
  std::filesystem::remove_all(root);
  return 0;
}
