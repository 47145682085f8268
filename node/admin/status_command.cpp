#include <algorithm>
#include <iterator>
#include <set>

#include "node/replica/standing.hpp"
#include "node/admin/admission_words.hpp"
#include "node/admin/clock_words.hpp"
#include "node/admin/decision_words.hpp"
#include "node/admin/parting.hpp"
#include "node/admin/taken_words.hpp"
#include "node/federation/decisions.hpp"
#include "node/federation/proposal_names.hpp"

/// How this node is: identity, spaces, peers, waiting work, and what somebody should look at.
namespace maillon::admin {
namespace {

using namespace std::chrono_literals;
using replica::Reader;

constexpr std::size_t kIncarnationsLoud = 12;  ///< of the 16 that one key may have

struct SpaceState {
  Place place;
  replica::SpaceCounts counts;
  Digest digest = Digest::zero();
  bool lacks_settled = false;  ///< of what the members settled there, something is not here
};

struct Seen {
  std::vector<SpaceState> spaces;
  std::size_t incarnations = 0;
  std::size_t own_ahead = 0;  ///< commits of this member that wait at its peers
  std::size_t own_late = 0;  ///< commits of this member that do not count since the others settled something
  ErasureConcerns erasures;
  std::vector<peers::PeerState> links;
  peers::ClockState clock;
  std::optional<federation::Waiting> waiting = {};  ///< for votes
};

/// One snapshot, so that counts and digests belong together.
class Snapshot {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Snapshot>> begin(storage::Database& db) {
    MAILLON_CHECK(db.execute("BEGIN"));
    return std::make_unique<Snapshot>(db);
  }
  explicit Snapshot(storage::Database& db) : db_(db) {}
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  ~Snapshot() {
    // Reading holds nothing that a failing COMMIT could lose.
    if (db_.execute("COMMIT").has_error()) MAILLON_ASSERT(!db_.in_transaction(), "a snapshot ends");
  }

 private:
  storage::Database& db_;
};

Result<Digest> digest_of(Reader& reader, DigestCache* cache, const Place& place,
                         const Digest& annuaire, std::int64_t held) {
  DigestCache::Key key{place.id, Digest::zero(), annuaire, held};
  MAILLON_TRY(key.frontier, reader.frontier(place.id));
  if (cache != nullptr)
    if (const auto known = cache->find(key)) return *known;
  MAILLON_TRY(const Digest digest, reader.digest(place.id));
  if (cache != nullptr) cache->put(key, digest);
  return digest;
}

/// After a clock that was ahead is set: what was written under it counts here, and at no peer.
Result<std::size_t> own_ahead(storage::Log& log, const MemberId& self, UnixMillis now) {
  const Hlc latest = storage::latest_hlc(now);
  // Times grow along a feed: its last commit shows whether there is any.
  bool ahead = false;
  MAILLON_TRY(const auto spaces, log.spaces_of(self));
  for (const auto& [row, space] : spaces) {
    MAILLON_TRY(const auto tips, log.tips_of(row, self, std::nullopt));
    for (const CommitId& tip : tips) {
      MAILLON_TRY(const auto entry, log.find(tip));
      ahead = ahead || (entry && entry->hlc > latest);
    }
  }
  if (!ahead) return 0;
  MAILLON_TRY(const auto stranded, log.stranded(self, latest));
  std::size_t out = 0;
  for (const storage::LogEntry& entry : stranded) {
    if (entry.is_void || entry.hlc <= latest) continue;
    MAILLON_TRY(const auto again, log.reissues_of(entry.cid));
    if (again.empty()) ++out;
  }
  return out;
}

Result<Seen> look(Reader& reader, Call& call) {
  MAILLON_TRY(const auto snapshot, Snapshot::begin(reader.database()));
  Seen out;
  std::set<std::uint64_t> lives;
  const auto trust = call.replica().trust();
  MAILLON_TRY(const Digest annuaire, reader.frontier(trust->annuaire()));
  for (const Place& place : call.readable_spaces()) {
    SpaceState state;
    state.place = place;
    MAILLON_TRY(state.counts, reader.counts(place.id));
    MAILLON_TRY(state.digest,
                digest_of(reader, call.context().digests, place, annuaire, state.counts.held));
    MAILLON_TRY(state.lacks_settled, storage::lacks_settled(reader.log(), *trust, place.id));
    out.spaces.push_back(std::move(state));
    MAILLON_TRY(const auto row, reader.log().find_space(place.id));
    MAILLON_TRY(const auto tips, reader.log().tips(row.value_or(0)));
    for (const Tip& tip : tips)
      if (tip.node == call.replica().identity().node) lives.insert(tip.incarnation);
  }
  out.incarnations = lives.size();
  MAILLON_TRY(out.own_late, replica::late_commits(reader.log(), *trust, call.replica().identity(),
                                                  call.replica().clock().now()));
  MAILLON_TRY(out.own_ahead, own_ahead(reader.log(), call.replica().identity().member,
                                       call.replica().clock().now()));
  return out;
}

/// What no longer works for this node, and the way out.
void warn_of_standing(Call& call, const Seen& seen, std::vector<std::string>& out) {
  const auto trust = call.replica().trust();
  const auto who = call.replica().identity();
  if (trust->member(who.member) != nullptr && key_was_taken_back(*trust, who.node))
    out.push_back(call.say(
        "la clé de ce nœud a été reprise : il n’écrit plus et les pairs le refusent ; si cette "
        "machine est toujours la vôtre (une copie a pu reprendre leur clé commune), « maillon node "
        "rotate » lui en donne une autre avec les 24 mots, puis « maillon reissue » dit ce qu’elle a "
        "écrit depuis ; sinon, n’y touchez plus",
        "the key of this node was taken back: it writes nothing more, and peers refuse it; if this "
        "machine is still yours (a copy of it may have taken back the key of both), `maillon node "
        "rotate` gives it another by the 24 words, then `maillon reissue` says what it wrote since; "
        "else leave it alone"));
  if (const auto* by = federation::certificate_void_by(*trust, who.node))
    out.push_back(call.say(
        "les 24 mots par lesquels ce nœud parle pour son membre ont été remplacés par la décision "
        "{} : il n’écrit plus et les pairs le refusent ; si cette machine est la vôtre, « maillon "
        "node rotate » lui donne une autre clé avec les nouveaux mots, puis « maillon reissue --all "
        "» publie ce qu’elle a écrit",
        "the 24 words by which this node speaks for its member were replaced by decision {}: it "
        "writes nothing more, and peers refuse it; if this machine is yours, `maillon node rotate` "
        "gives it another key by the new words, then `maillon reissue --all` publishes what it "
        "wrote",
        federation::ProposalNames{*trust}.brief(by->id)));
  std::ranges::move(taken_rights_in_words(call), std::back_inserter(out));
  if (seen.own_late > 0)
    out.push_back(call.say(
        "{} commit(s) de ce membre sont sans effet, écrits sans connaître ce que les autres ont arrêté "
        "depuis : « maillon reissue » les publie à nouveau",
        "{} commit(s) of this member have no effect, written without knowing what the others settled "
        "since: `maillon reissue` publishes them again",
        seen.own_late));
  if (seen.own_ahead > 0)
    out.push_back(call.say(
        "{} commit(s) de ce membre sont datés du futur (une horloge avançait) et attendent chez "
        "les pairs : « maillon reissue » les publie à nouveau, à la bonne heure",
        "{} commit(s) of this member are dated in the future (a clock was ahead) and wait at its "
        "peers: `maillon reissue` publishes them again, at the right time",
        seen.own_ahead));
}

/// Two pages may be why something is kept apart; people are sent to the right one.
std::string aside_in_words(const Call& call, const storage::Trust& trust, const SpaceState& space) {
  if (trust.charges().empty())
    return call.say(
        "{} : {} commit(s) mis à l’écart : leur flux dépasse ce que la charte permet (« maillon "
        "federation show »)",
        "{}: {} commit(s) kept apart: their feed has grown beyond what the charter allows "
        "(`maillon "
        "federation show`)",
        space.place.name, space.counts.aside);
  return call.say("{} : {} commit(s) mis à l’écart ; « maillon evidence » dit pourquoi",
                  "{}: {} commit(s) kept apart; `maillon evidence` says why", space.place.name,
                  space.counts.aside);
}

std::vector<std::string> warnings_of(Call& call, const Seen& seen) {
  std::vector<std::string> out;
  if (const auto ahead = left_ahead(call.replica()))
    out.push_back(sentence(*ahead, call.language()));
  else if (const auto parting = parting_of(*call.replica().trust(), call.self()))
    out.push_back(call.say(
        "{} ; ce qui est ici reste à vous et se lit toujours : « maillon export » emporte ce qui "
        "compte, « maillon backup » le tout",
        "{}; what is here stays yours and can still be read: `maillon export` takes along what "
        "counts, `maillon backup` all of it",
        parting_in_words(*parting, call.language())));
  const auto trust = call.replica().trust();
  if (const auto lapse = federation::lapse_of(*trust, call.self()))
    out.push_back(sentence(lapsed(*trust, *lapse), call.language()));
  warn_of_standing(call, seen, out);
  if (seen.erasures.to_decide > 0)
    out.push_back(call.say("{} effacement(s) attendent l’accord de ce membre : « maillon erasures »",
                           "{} erasure(s) wait for this member's word: `maillon erasures`",
                           seen.erasures.to_decide));
  if (seen.erasures.overdue > 0)
    out.push_back(call.say("{} effacement(s) demandés par ce membre ne sont pas encore confirmés par tous les "
                           "nœuds après 30 jours : « maillon erasures » dit lesquels manquent",
                           "{} erasure(s) that this member asked for are not confirmed by all nodes after "
                           "30 days: `maillon erasures` says which are missing",
                           seen.erasures.overdue));
  if (auto clock = clock_warning(call.language(), seen.clock)) out.push_back(*std::move(clock));
  const std::string dir = call.replica().dir().string();
  if (call.replica().only_reads() || (call.peers() != nullptr && call.peers()->disk_full()))
    out.push_back(
        call.say("le disque de ce nœud est plein : rien de nouveau n’est enregistré ; "
                 "libérez de la place dans {}",
                 "this node's disk is full: nothing new is stored; free some space in {}", dir));
  if (seen.incarnations >= kIncarnationsLoud)
    out.push_back(call.say(
        "la clé de ce nœud a déjà servi à {} copies ou restaurations ; au-delà de 16 les pairs la "
        "refusent : changez-la avec « maillon node rotate »",
        "the key of this node has served {} copies or restorations; beyond 16 peers refuse it: "
        "change it with `maillon node rotate`",
        seen.incarnations));
  for (const SpaceState& space : seen.spaces) {
    if (space.counts.held > 0)
      out.push_back(call.say("{} : {} commit(s) daté(s) du futur attendent leur heure",
                             "{}: {} commit(s) dated in the future wait for their time",
                             space.place.name, space.counts.held));
    if (space.counts.aside > 0) out.push_back(aside_in_words(call, *trust, space));
    if (space.lacks_settled)
      out.push_back(call.say(
          "{} : les autres y ont arrêté ce que ce nœud n’a pas encore ; rien ne s’y écrit avant : "
          "« maillon sync »",
          "{}: the others settled what this node does not have yet; nothing can be written there "
          "before: `maillon sync`",
          for_terminal(space.place.name, 60)));
  }
  return out;
}

/// Also while the votes that admit it are missing, and nothing of the federation is here.
bool is_joining(Call& call) {
  if (call.replica().federation()) return true;
  const auto wish = federation::wish(call.replica());
  return wish.has_value() && wish->has_value();
}

const char* membership_of(Call& call) {
  const auto trust = call.replica().trust();
  const auto& self = call.replica().identity().member;
  if (trust->member(self) != nullptr) return "member";
  if (trust->ever_member(self) != nullptr) return "former";
  if (federation::lapse_of(*trust, self)) return "lapsed";
  return is_joining(call) ? "joining" : "none";
}

void write_spaces(JsonWriter& json, const Seen& seen) {
  json.key("spaces").array();
  for (const SpaceState& space : seen.spaces)
    json.object()
        .field("name", space.place.name)
        .field("space_id", space.place.id.hex())
        .field("feeds", space.counts.feeds)
        .field("commits", space.counts.commits)
        .field("records", space.counts.records)
        .field("conflicts", space.counts.conflicts)
        .field("pending", space.counts.pending)
        .field("held", space.counts.held)
        .field("aside", space.counts.aside)
        .field("digest", space.digest.hex())
        .end_object();
  json.end_array();
}

void write_joining(JsonWriter& json, const Seen& seen) {
  if (!seen.waiting) {
    json.null();
    return;
  }
  json.object()
      .field("proposal", seen.waiting->votes.proposal)
      .field("told", utc(seen.waiting->told))
      .field("inviter_gone", seen.waiting->inviter_gone);
  write_votes(json, seen.waiting->votes);
  json.end_object();
}

void write_clock(JsonWriter& json, const Call& call, const peers::ClockState& clock) {
  json.key("clock").object().field("peers", clock.peers).key("offset_ms");
  clock.offset ? json.number(clock.offset->count()) : json.null();
  json.key("warning");
  const auto warning = clock_warning(call.language(), clock);
  warning ? json.text(*warning) : json.null();
  json.end_object();
}

std::string detail_of(const Call& call, const peers::PeerState& peer) {
  return peer.why.detail.empty() ? std::string{} : what(peer.why, call.language());
}

void write_peers(JsonWriter& json, const Call& call, const std::vector<peers::PeerState>& peers) {
  json.key("peers").array();
  for (const auto& peer : peers) {
    json.object().key("node_id");
    peer.node ? json.text(peer.node->hex()) : json.null();
    json.field("name", peer.name)
        .field("address", peer.address)
        .field("state", peer.state)
        .field("detail", detail_of(call, peer))
        .field("in_sync", peer.in_sync)
        .key("last_sync");
    peer.last_sync ? json.text(utc(*peer.last_sync)) : json.null();
    json.field("sent_bytes", peer.sent_bytes)
        .field("received_bytes", peer.received_bytes)
        .end_object();
  }
  json.end_array();
}

std::string state_in_words(const Call& call, const peers::PeerState& peer) {
  if (peer.state == "connected")
    return peer.in_sync ? call.say("connecté, à jour", "connected, in sync")
                        : call.say("connecté", "connected");
  if (peer.state == "connecting") return call.say("connexion en cours", "connecting");
  if (peer.state == "refused") return call.say("refusé", "refused");
  return call.say("en attente", "waiting");
}

std::string peers_in_words(const Call& call, const std::vector<peers::PeerState>& peers) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& peer : peers)
    rows.push_back({for_terminal(peer.name.empty() ? peer.address : peer.name, 40),
                    state_in_words(call, peer), for_terminal(detail_of(call, peer), 160),
                    peer.last_sync ? local(*peer.last_sync) : "",
                    call.say("envoyé {}, reçu {}", "sent {}, received {}",
                             bytes_in_words(peer.sent_bytes, call.language()),
                             bytes_in_words(peer.received_bytes, call.language()))});
  return table(rows);
}

/// While nothing of a federation is here.
std::string joining_in_words(Call& call, const Seen& seen) {
  if (call.replica().federation())
    return call.say("Fédération  adhésion en cours : l’annuaire n’est pas encore là.\n",
                    "Federation  joining: the directory has not arrived yet.\n");
  if (seen.waiting)
    return call.say(
        "Fédération  adhésion en cours : {}.\n            Dit par le nœud qui invite le {}.\n",
        "Federation  joining: {}.\n            Said by the inviter's node on {}.\n",
        waiting_in_words(*seen.waiting, call.language()), local(seen.waiting->told));
  if (const auto wrong = federation::inviter_clock_ahead(call.replica()); wrong && *wrong)
    return call.say("Fédération  adhésion en cours, mais {}.\n", "Federation  joining, but {}.\n",
                    sentence(inviter_clock_wrong(), call.language()));
  if (is_joining(call))
    return call.say("Fédération  adhésion en cours : le nœud qui invite n’a pas encore répondu.\n",
                    "Federation  joining: the inviter's node has not answered yet.\n");
  return call.say("Aucune fédération encore.\n", "No federation yet.\n");
}

std::string in_words(Call& call, const Seen& seen, const std::vector<std::string>& warnings) {
  const auto& peers = seen.links;
  const auto& who = call.replica().identity();
  const auto trust = call.replica().trust();
  std::string out =
      call.say("Nœud        {}\nMembre      {} ({}, {})\n",
               "Node        {}\nMember      {} ({}, {})\n", who.node.hex(), for_terminal(who.name),
               role_in_words(who.role, call.language()), for_terminal(call.home_region()));
  if (trust->members().empty() && trust->former().empty())
    return out + joining_in_words(call, seen) + peers_in_words(call, peers);
  out += call.say("Fédération  {} ({} membre(s))\n\n", "Federation  {} ({} member(s))\n\n",
                  for_terminal(trust->charter().name), trust->members().size());
  std::vector<std::vector<std::string>> rows{
      {call.say("espace", "space"), call.say("fiches", "records"),
       call.say("conflits", "conflicts"), "commits", call.say("en attente", "pending"),
       call.say("empreinte", "digest")}};
  for (const SpaceState& space : seen.spaces)
    rows.push_back({for_terminal(space.place.name, 60), grouped(space.counts.records),
                    grouped(space.counts.conflicts), grouped(space.counts.commits),
                    grouped(space.counts.pending + space.counts.held), shortened(space.digest)});
  out += table(rows) + '\n';
  if (call.peers() == nullptr)
    out += call.say("« maillon serve » ne tourne pas : aucun pair connecté.\n",
                    "`maillon serve` is not running: no peer is connected.\n");
  else if (peers.empty())
    out += call.say("Aucun pair.\n", "No peer.\n");
  out += peers_in_words(call, peers);
  for (const std::string& warning : warnings)
    out += call.say("Attention : {}\n", "Warning: {}\n", warning);
  return out;
}

}  // namespace

Result<Reply> show_status(Call& call) {
  auto seen = call.replica().read<Seen>([&](Reader& reader) { return look(reader, call); });
  if (seen.has_error()) return seen.error();
  if (call.peers() != nullptr) {
    seen->links = call.peers()->peers();
    seen->clock = call.peers()->clock();
  }
  MAILLON_TRY(seen->waiting, waiting_of(call.replica()));
  if (call.replica().federation()) {
    MAILLON_TRY(seen->erasures, erasure_concerns(call));
  }
  const auto warnings = warnings_of(call, *seen);
  const auto& who = call.replica().identity();
  const auto federation = call.replica().federation();
  JsonWriter json;
  json.object()
      .field("node_id", who.node.hex())
      .field("member_id", who.member.hex())
      .field("name", who.name)
      .field("role", who.role == Role::hub ? "hub" : "cooperative")
      .field("region", call.home_region())
      .key("federation_id");
  federation ? json.text(federation->hex()) : json.null();
  json.field("federation", call.replica().trust()->charter().name)
      .field("membership", membership_of(call))
      .key("joining");
  write_joining(json, *seen);
  json.field("incarnations", seen->incarnations)
      .field("daemon", call.peers() != nullptr)
      .field("listen", call.peers() != nullptr ? call.peers()->listening_on() : std::string{});
  write_spaces(json, *seen);
  write_taken_rights(json, call);
  write_peers(json, call, seen->links);
  write_clock(json, call, seen->clock);
  json.key("warnings").array();
  for (const std::string& warning : warnings) json.text(warning);
  json.end_array().end_object();
  return answer(call, in_words(call, *seen, warnings), std::move(json));
}

}  // namespace maillon::admin
