#include <algorithm>

#include "storage/proof/failure.hpp"
#include "storage/proof/record_proof.hpp"
#include "storage/proof/ways.hpp"

/// Checking a proof, by the rules and the code by which every node takes commits in.
namespace maillon::storage {
namespace {

using Place = std::pair<Hlc, CommitId>;

std::string named(const CommitId& id) { return "commit " + id.hex().substr(0, 12); }

Error against(const CommitId& id, std::string_view en, std::string_view fr) {
  return unproved(named(id) + std::string{en}, "le " + named(id) + std::string{fr});
}

/// One commit of the record's space.
struct Piece {
  CommitId id = CommitId::zero();
  Header header;
  CommitPtr commit;  ///< none where the proof has the header alone
  bool is_void = false;
};

Result<CommitPtr> verified(const SignedCommit& bytes) {
  auto commit = verify_commit(
      {bytes.header, bytes.signature, bytes.body.empty() ? Bytes{} : pack_body(bytes.body)});
  if (commit.has_error())
    return against(commit_id(bytes.header), " does not hold: " + commit.error().detail,
                   " ne tient pas : sa forme, ses empreintes ou sa signature sont fausses");
  return commit;
}

Result<Header> verified_header(const SignedCommit& bytes) {
  const CommitId id = commit_id(bytes.header);
  auto header = decode_header(bytes.header);
  if (header.has_error())
    return against(id, " does not hold: " + header.error().detail, " ne tient pas : forme fausse");
  const auto signature = crypto::Signature::from_bytes(bytes.signature);
  if (!signature ||
      !crypto::verify(header->node.bytes(), kCommitDomain, bytes.header, *signature))
    return against(id, " is not signed by the node that it names",
                   " n’est pas signé par le nœud qu’il nomme");
  return header;
}

class Checker {
 public:
  explicit Checker(RecordProof proof) : proof_(std::move(proof)) {}

  Result<CheckedProof> run() {
    // Whatever each commit shows by itself first: it is cheap, and nothing else is believed before.
    MAILLON_CHECK(verify_annuaire());
    MAILLON_CHECK(verify_pieces());
    StoreOptions options;
    options.path = ":memory:";
    MAILLON_TRY(store_, Store::open(options));
    MAILLON_CHECK(store_->begin());
    MAILLON_CHECK(take_annuaire());
    MAILLON_CHECK(check_space());
    MAILLON_CHECK(judge());
    MAILLON_CHECK(fold());
    MAILLON_CHECK(store_->commit());
    return CheckedProof{proof_.federation, proof_.space, proof_.collection,
                        proof_.id,         latest_,      std::move(store_)};
  }

 private:
  /// One form of each proof: no other order, nothing twice.
  Result<void> in_order(std::optional<Place>& last, const CommitId& id, const Header& header) {
    const Place place{header.hlc, id};
    if (last && *last >= place)
      return against(id, " stands out of its place", " n’est pas à sa place");
    last = place;
    latest_ = std::max(latest_, header.hlc);
    return {};
  }

  Result<void> verify_annuaire() {
    std::optional<Place> last;
    for (const SignedCommit& bytes : proof_.annuaire) {
      MAILLON_TRY(auto commit, verified(bytes));
      MAILLON_CHECK(in_order(last, commit->id, commit->header));
      annuaire_.push_back(std::move(commit));
    }
    if (annuaire_.empty() ||
        !std::ranges::equal(annuaire_.front()->id.bytes(), proof_.federation.bytes()))
      return unproved("the proof does not begin with the federation that it names",
                      "la preuve ne commence pas par la fédération qu’elle nomme");
    for (const CommitPtr& commit : annuaire_)
      if (commit->header.space != annuaire_.front()->header.space)
        return against(commit->id, " is not one of annuaire", " n’est pas de l’annuaire");
    return {};
  }

  Result<void> verify_pieces() {
    std::optional<Place> last;
    for (const SignedCommit& bytes : proof_.commits) {
      Piece piece;
      piece.id = commit_id(bytes.header);
      if (bytes.body.empty()) {
        MAILLON_TRY(piece.header, verified_header(bytes));
      } else {
        MAILLON_TRY(piece.commit, verified(bytes));
        piece.header = piece.commit->header;
        MAILLON_CHECK(check_leaves(*piece.commit));
      }
      MAILLON_CHECK(in_order(last, piece.id, piece.header));
      if (piece.header.federation != proof_.federation || piece.header.space != proof_.space)
        return against(piece.id, " is of another space", " est d’un autre espace");
      places_.emplace(piece.id, pieces_.size());
      pieces_.push_back(std::move(piece));
    }
    return {};
  }

  Result<void> take_annuaire() {
    MAILLON_CHECK(store_->set_federation(proof_.federation));
    for (const CommitPtr& commit : annuaire_) {
      // All of it had been applied where the proof was made, so its time has come.
      MAILLON_TRY(const auto got, store_->receive(commit, latest_.time()));
      if (got.outcome == Received::Outcome::refused)
        return against(commit->id, " is refused: " + got.reason, " est refusé par les règles");
    }
    for (const CommitPtr& commit : annuaire_) {
      MAILLON_TRY(const auto entry, store_->log().find(commit->id));
      if (!entry || entry->status != CommitStatus::applied)
        return against(commit->id, " of annuaire stands on what the proof does not hold",
                       " de l’annuaire dépend de ce que la preuve ne contient pas");
    }
    trust_ = store_->trust();
    return {};
  }

  Result<void> check_space() {
    if (trust_->space(proof_.space) == nullptr || proof_.space == trust_->annuaire())
      return unproved("the record's space is not one of the federation's",
                      "l’espace de la fiche n’est pas de la fédération");
    for (const Piece& piece : pieces_) MAILLON_CHECK(check_header(piece));
    return {};
  }

  Result<void> check_header(const Piece& piece) {
    const Header& h = piece.header;
    if (!trust_->known(h.node, h.member))
      return against(piece.id, " is not signed by a node of a member",
                     " n’est pas signé par un nœud d’un membre");
    for (const CommitId& head : h.annuaire_heads) {
      const auto number = trust_->graph().find(head);
      if (!number || trust_->graph().at(*number).hlc >= h.hlc)
        return against(piece.id, " had seen what the proof does not hold of annuaire",
                       " connaissait de l’annuaire ce que la preuve ne contient pas");
    }
    std::vector<CommitId> past{h.deps};
    if (piece.commit)
      for (const CommitId& id : piece.commit->body.table.commits)
        if (id != h.reissues) past.push_back(id);
    for (const CommitId& id : past)
      if (const auto known = places_.find(id);
          known != places_.end() && pieces_[known->second].header.hlc >= h.hlc)
        return against(piece.id, " names what came after it", " nomme ce qui est venu après lui");
    if (!h.previous) return {};
    const auto before = places_.find(*h.previous);
    if (before == places_.end()) return {};
    const Header& previous = pieces_[before->second].header;
    if (previous.feed() != h.feed() || previous.seq + 1 != h.seq || previous.hlc >= h.hlc)
      return against(piece.id, " does not follow its feed", " ne suit pas son fil");
    return {};
  }

  /// What travels is of the record alone, under the id that it has by its own making.
  Result<void> check_leaves(const Commit& commit) {
    bool any = false;
    for (const Op& op : commit.body.ops.ops) {
      if (op.state == LeafState::gone) continue;
      any = true;
      const bool of_record =
          touches_records(op) || op.kind == static_cast<std::uint32_t>(OpKind::erase);
      if (!of_record || op.collection != proof_.collection || op.id != proof_.id)
        return against(commit.id, " holds something else than the record",
                       " contient autre chose que la fiche");
      const bool row = op.id_form == IdForm::derived && !op.external_id.empty();
      if (row && op.id != derived_record_id(op.collection, op.source, op.external_id))
        return against(commit.id, " gives the record an id that is not made as it says",
                       " donne à la fiche un identifiant qui n’est pas fait comme il le dit");
    }
    if (!any)
      return against(commit.id, " holds nothing of the record", " ne contient rien de la fiche");
    return {};
  }

  Result<void> judge() {
    std::vector<std::pair<CommitId, Header>> headers;
    std::set<MemberId> authors;
    for (const Piece& piece : pieces_) {
      headers.emplace_back(piece.id, piece.header);
      if (piece.commit) authors.insert(piece.header.member);
    }
    const bool limited = std::ranges::any_of(authors, [&](const MemberId& author) {
      return is_limited(*trust_, author, proof_.space);
    });
    if (limited) MAILLON_CHECK(check_views());
    const auto history = SpaceHistory::of(headers, trust_->graph());
    const Settlement settlement{history, *trust_, proof_.space};
    for (const MemberId& author : authors) {
      const auto counts = counting(history, settlement, proof_.space, author, *trust_);
      for (std::size_t i = 0; i < pieces_.size(); ++i)
        if (pieces_[i].header.member == author) pieces_[i].is_void = !counts[i];
    }
    return {};
  }

  /// A commit whose feed's last heads of annuaire are left out would seem to have seen nothing.
  Result<void> check_views() {
    std::set<CommitId> shown;
    for (const Piece& piece : pieces_) {
      const Header& h = piece.header;
      if (h.annuaire_heads.empty() && (!h.previous || !shown.contains(*h.previous)))
        return against(piece.id, " does not show what its author knew of annuaire",
                       " ne montre pas ce que son auteur connaissait de l’annuaire");
      shown.insert(piece.id);
    }
    return {};
  }

  Result<void> fold() {
    Log& log = store_->log();
    std::int64_t row = 0;
    for (const Piece& piece : pieces_) {
      if (!piece.commit) continue;
      MAILLON_TRY(const FeedRow feed, log.feed_row(piece.header.feed(), piece.header.member));
      MAILLON_TRY(const std::int64_t id,
                  log.insert(*piece.commit, feed, CommitStatus::applied, piece.is_void));
      if (piece.header.reissues) MAILLON_CHECK(log.add_reissue(*piece.header.reissues, id));
      MAILLON_CHECK(store_->records().apply(*piece.commit, id, feed.space, piece.is_void));
      MAILLON_CHECK(store_->take_erasures(*piece.commit, id));
      row = feed.space;
    }
    MAILLON_TRY(const auto collection, store_->names().find_collection(row, proof_.collection));
    if (collection) {
      MAILLON_TRY(const auto record, store_->records().find(*collection, proof_.id));
      if (record) {
        MAILLON_TRY(const auto state, merge::decode_state(record->state));
        const auto counts = [](const merge::OpEntry& op) { return !op.is_void; };
        if (std::ranges::any_of(state.ops, counts)) return {};
      }
    }
    return unproved("nothing that the proof holds counts: its authors might not write it, or were "
                    "cut off",
                    "rien de ce que contient la preuve ne compte : ses auteurs n’avaient pas le "
                    "droit de l’écrire, ou ont été exclus avant");
  }

  RecordProof proof_;
  std::vector<CommitPtr> annuaire_;
  std::unique_ptr<Store> store_;
  std::shared_ptr<const Trust> trust_;
  std::vector<Piece> pieces_;
  std::map<CommitId, std::size_t> places_;
  Hlc latest_;
};

}  // namespace

Result<CheckedProof> check_record_proof(ByteView file) {
  MAILLON_TRY(RecordProof proof, decode_record_proof(file));
  return Checker{std::move(proof)}.run();
}

}  // namespace maillon::storage
