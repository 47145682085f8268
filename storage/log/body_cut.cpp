#include <algorithm>

#include "storage/log/commit.hpp"

/// Taking leaves out of a body. What is signed is the root, which a cut body still hashes to.
namespace maillon::storage {
namespace {

constexpr std::uint8_t kIdOmitted = 0x80;

/// One leaf after leaf 0, as the body carries it.
struct Leaf {
  LeafState state = LeafState::full;
  LeafState wanted = LeafState::full;
  ByteView skeleton;                     ///< as carried; empty when gone
  ByteView payload;                      ///< full leaves
  Digest payload_hash = Digest::zero();  ///< of bare leaves, and of those that become bare
};

class BodyCutter {
 public:
  explicit BodyCutter(Body body) : body_(std::move(body)), leaves_(body_.ops.ops.size()) {}

  Result<Bytes> run(std::span<const LeafCut> cuts) {
    read_pieces();
    MAILLON_CHECK(mark(cuts));
    hash_payloads();
    return written();
  }

 private:
  [[nodiscard]] std::uint32_t ops() const { return static_cast<std::uint32_t>(leaves_.size()); }

  /// parse_body has judged the form, so nothing here can fail.
  void read_pieces() {
    ByteReader in{body_.raw};
    form_ = in.u8();
    (void)in.sized(limits::kCommitBodyMax);
    (void)in.varint();
    for (std::uint64_t runs = in.varint(); runs > 0; --runs) {
      (void)in.varint();
      (void)in.varint();
    }
    (void)in.raw(body_.seeds.size() * sizeof(crypto::Seed));
    for (std::size_t k = 0; k < leaves_.size(); ++k) {
      leaves_[k].state = leaves_[k].wanted = body_.ops.ops[k].state;
      if (leaves_[k].state != LeafState::gone)
        leaves_[k].skeleton = in.sized(limits::kCommitBodyMax);
    }
    for (Leaf& leaf : leaves_) {
      if (leaf.state == LeafState::full) leaf.payload = in.sized(limits::kCommitBodyMax);
      if (leaf.state == LeafState::bare)
        leaf.payload_hash = *Digest::from_bytes(in.raw(Digest::kSize));
    }
    std::uint32_t first = 1;
    for (const StateRun& run : body_.runs) {
      if (run.state == LeafState::gone)
        for (const auto& range : crypto::subtree_cover({first, run.count}, ops() + 1))
          gone_.push_back({range, *Digest::from_bytes(in.raw(Digest::kSize))});
      first += run.count;
    }
    MAILLON_ASSERT(in.at_end(), "a parsed body can be read again");
  }

  Result<void> mark(std::span<const LeafCut> cuts) {
    std::uint32_t before = 0;
    for (const LeafCut& cut : cuts) {
      // Leaf 0 says what the others refer to: it is never cut.
      if (cut.leaf <= before || cut.leaf > ops() || cut.to == LeafState::full)
        return Error{Errc::usage, "cut: not an ascending list of leaves"};
      before = cut.leaf;
      Leaf& leaf = leaves_[cut.leaf - 1];
      leaf.wanted = std::max(leaf.wanted, cut.to);
    }
    return {};
  }

  void hash_payloads() {
    std::vector<crypto::Salt> salts(leaves_.size());
    crypto::expand_salts(body_.seeds, ops(), salts);
    for (std::size_t k = 0; k < leaves_.size(); ++k)
      if (leaves_[k].state == LeafState::full && leaves_[k].wanted != LeafState::full)
        leaves_[k].payload_hash = crypto::payload_hash(salts[k], leaves_[k].payload);
  }

  /// The skeleton with its record id, which is what the leaf's hash covers.
  [[nodiscard]] Bytes with_id(std::size_t k) const {
    const ByteView carried = leaves_[k].skeleton;
    ByteReader in{carried};
    (void)in.varint();
    (void)in.sized(limits::kNameMax);
    const std::size_t at = in.position();
    if ((carried[at] & kIdOmitted) == 0) return {carried.begin(), carried.end()};
    const auto split = carried.begin() + static_cast<std::ptrdiff_t>(at);
    Bytes out{carried.begin(), split};
    const Op& op = body_.ops.ops[k];
    out.push_back(static_cast<std::uint8_t>(op.id_form));
    out.insert(out.end(), op.id.bytes().begin(), op.id.bytes().end());
    out.insert(out.end(), split + 1, carried.end());
    return out;
  }

  [[nodiscard]] std::vector<StateRun> new_runs() const {
    std::vector<StateRun> out;
    for (const Leaf& leaf : leaves_) {
      if (out.empty() || out.back().state != leaf.wanted) out.push_back({leaf.wanted, 0});
      ++out.back().count;
    }
    return out;
  }

  /// The hash of a subtree whose leaves are all gone now.
  [[nodiscard]] Digest gone_hash(const crypto::LeafRange& range) const {
    std::vector<crypto::Subtree> parts;
    for (std::uint32_t leaf = range.first; leaf < range.first + range.count;) {
      const auto known = std::ranges::find_if(
          gone_, [&](const crypto::Subtree& s) { return s.range.first == leaf; });
      crypto::Subtree part =
          known != gone_.end() ? *known
                               : crypto::Subtree{{leaf, 1},
                                                 crypto::leaf_hash(with_id(leaf - 1),
                                                                   leaves_[leaf - 1].payload_hash)};
      leaf += part.range.count;
      part.range.first -= range.first;
      parts.push_back(part);
    }
    // A subtree has the shape of a tree of its own.
    const auto hash = crypto::merkle_root(parts, range.count);
    MAILLON_ASSERT(hash.has_value(), "what was gone before lies within what is gone now");
    return *hash;
  }

  void write_seeds(const std::vector<StateRun>& runs, ByteWriter& out) const {
    std::vector<crypto::LeafRange> kept;
    std::uint32_t first = 0;
    for (const StateRun& run : runs) {
      if (run.state == LeafState::full) kept.push_back({first, run.count});
      first += run.count;
    }
    for (const auto& node : crypto::restrict_seeds(body_.seeds, ops(), kept)) out.raw(node.seed);
  }

  [[nodiscard]] Bytes written() const {
    Bytes raw;
    raw.reserve(body_.raw.size());
    ByteWriter out{raw};
    out.u8(form_);
    out.sized(body_.leaf0);
    out.varint(leaves_.size());
    const std::vector<StateRun> runs = new_runs();
    out.varint(runs.size());
    for (const StateRun& run : runs) {
      out.varint(static_cast<std::uint64_t>(run.state));
      out.varint(run.count);
    }
    write_seeds(runs, out);
    for (std::size_t k = 0; k < leaves_.size(); ++k) {
      if (leaves_[k].wanted == LeafState::gone) continue;
      // A derived id follows from the payload: where that goes, the id must be said.
      const bool say_id =
          leaves_[k].wanted == LeafState::bare && body_.ops.ops[k].id_form == IdForm::derived;
      if (say_id)
        out.sized(with_id(k));
      else
        out.sized(leaves_[k].skeleton);
    }
    for (const Leaf& leaf : leaves_) {
      if (leaf.wanted == LeafState::full) out.sized(leaf.payload);
      if (leaf.wanted == LeafState::bare) out.raw(leaf.payload_hash.bytes());
    }
    std::uint32_t first = 1;
    for (const StateRun& run : runs) {
      if (run.state == LeafState::gone)
        for (const auto& range : crypto::subtree_cover({first, run.count}, ops() + 1))
          out.raw(gone_hash(range).bytes());
      first += run.count;
    }
    return raw;
  }

  Body body_;
  std::vector<Leaf> leaves_;
  std::vector<crypto::Subtree> gone_;
  std::uint8_t form_ = 0;
};

Result<Bytes> cut_raw(Bytes raw, std::uint32_t leaves, std::span<const LeafCut> cuts) {
  MAILLON_TRY(Body body, parse_body(std::move(raw), leaves, /*trusted=*/true));
  return BodyCutter{std::move(body)}.run(cuts);
}

}  // namespace

Result<Bytes> cut_body(ByteView packed, std::uint32_t leaves, std::span<const LeafCut> cuts) {
  MAILLON_TRY(Bytes raw, unpack_body(packed));
  MAILLON_TRY(const Bytes rest, cut_raw(std::move(raw), leaves, cuts));
  return pack_body(rest);
}

Result<std::optional<RestingBody>> resting_body(ByteView packed, std::uint32_t leaves,
                                                std::span<const LeafCut> cuts, Resting how) {
  MAILLON_TRY(const Bytes whole, unpack_body(packed));
  MAILLON_TRY(const Bytes rest, cut_raw(whole, leaves, cuts));
  // Most of what was not cut before is not smaller now; that is found out at once.
  if (how == Resting::cut_if_smaller && pack_body(rest).size() >= packed.size())
    return std::optional<RestingBody>{};
  RestingBody out{pack_body_tightly(rest), true};
  if (how == Resting::cut && !cuts.empty()) return std::optional{std::move(out)};
  if (how == Resting::whole_or_cut)
    if (Bytes again = pack_body_tightly(whole); again.size() <= out.packed.size())
      out = {std::move(again), false};
  return out.packed.size() < packed.size() ? std::optional{std::move(out)} : std::nullopt;
}

}  // namespace maillon::storage
