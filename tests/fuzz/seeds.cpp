#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "crypto/keys.hpp"
#include "node/admin/frames.hpp"
#include "node/federation/federation.hpp"
#include "proto/value.hpp"
#include "storage/merge/document.hpp"
#include "tests/fuzz/made.hpp"
#include "tests/fuzz/target.hpp"

/// fuzz_seeds DIR: writes the corpus, from what the library itself writes and from published files.
namespace maillon::fuzz {
namespace {

namespace fs = std::filesystem;
using namespace storage;

/// What Choices reads.
class Script {
 public:
  Script& u8(std::size_t value) {
    out_.push_back(static_cast<std::uint8_t>(value));
    return *this;
  }
  Script& some(ByteView bytes) { return u8(bytes.size() >> 8).u8(bytes.size()).rest(bytes); }
  Script& rest(ByteView bytes) {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  [[nodiscard]] const Bytes& bytes() const { return out_; }

 private:
  Bytes out_;
};

class Seeds {
 public:
  explicit Seeds(fs::path dir) : dir_(std::move(dir)) {}

  void write() {
    frames();
    commits();
    messages();
    governance();
    states();
    stories("merge", 0, 12, 300);
    proofs();
    files();
  }

 private:
  void put(const std::string& target, const std::string& what, const Script& script) {
    fs::create_directories(dir_ / target);
    const auto number = std::to_string(next_[target + what]++);
    std::ofstream out{dir_ / target / (what + "-" + number), std::ios::binary};
    const Bytes& bytes = script.bytes();
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
  }
  void put(const std::string& target, const std::string& what, std::size_t choice, ByteView bytes) {
    put(target, what, Script{}.u8(choice).rest(bytes));
  }
  /// Choices by chance.
  void stories(const std::string& target, std::size_t choice, int count, std::size_t size) {
    for (int i = 0; i < count; ++i) {
      Bytes bytes(size);
      rng_.fill(bytes);
      put(target, "story", choice, bytes);
    }
  }

  void frames() {
    const Bytes word{'m', 'o', 't'};
    put("frame", "whole", Script{}.u8(0).u8(1).some(word).u8(4).some(Bytes{0, 'f', 'i', 'n'}));
    put("frame", "batch", Script{}.u8(0).u8(2).some(Bytes{3, 'm', 'o', 't', 1, 'x', 0}));
    put("frame", "fragments",
        Script{}.u8(0).u8(3).u8(0).u8(0).u8(0).some(word).u8(0).u8(0).u8(1).some(word));
    stories("frame", 1, 4, 60);
    admin::Request request;
    request.command = "peer add";
    request.options = {{"url", {"ws://127.0.0.1:7766", "é\n"}}, {"all", {}}};
    put("request", "request", 1, as_bytes(admin::encode_request(request)));
    request.json = true;
    request.language = admin::Language::english;
    put("request", "request", 2, as_bytes(admin::encode_request(request)));
    put("request", "frames", 0,
        Bytes{3, 0, 0, 0, 2, 'a', 'b', 'c', 0, 0, 0, 0, 3, 1, 0, 0, 0, 22, 0});
  }

  void commits() {
    for (const CommitPtr& commit : made().commits) {
      put("header", "header", 0, commit->bytes.header);
      const Bytes& raw = commit->body.raw;
      put("body", "cut", Script{}.u8(0).u8(1).u8(0).u8(0).u8(1).u8(1).u8(1).rest(raw));
      put("body", "packed", Script{}.u8(3).u8(0).u8(0).rest(commit->bytes.body));
      std::size_t leaf = 0;
      for (const Op& op : commit->body.ops.ops) {
        Bytes skeleton;
        encode_skeleton(commit->body.ops, op, op.id_form == IdForm::derived, skeleton);
        if (leaf++ < 4)
          put("skeleton", "op",
              Script{}.u8(3).some(commit->body.leaf0).u8(leaf - 1).some(skeleton).rest(op.payload));
      }
    }
    stories("header", 3, 4, 400);
  }

  void messages() {
    const CommitPtr& last = made().commits.back();
    const Header& h = last->header;
    const Tip tip{h.node, h.incarnation, h.seq, last->id};
    const auto message = [&](const std::string& what, const Bytes& bytes) {
      put("message", what, Script{}.rest(bytes));
    };
    message("hello", encode(Hello{1, "maillon", 1, {{h.space, h.root, h.root}}, {"ws://a:1"}}));
    message("tips", encode(Tips{h.space, h.root, {tip, tip}}));
    message("want", encode(Want{h.space, tip, {tip}}));
    Commits commits;
    for (std::uint32_t i = 0; i < 2; ++i) {
      const SignedCommit& bytes = made().commits[i]->bytes;
      commits.commits.push_back({bytes.header, {}, bytes.signature, bytes.body, i});
    }
    message("commits", encode(commits));
    message("frontier", encode(Frontier{h.space, h.root, 7, true, h.root, {last->id}}));
    message("push", encode(Push{h.space, true}));
    message("join", encode(JoinRequest{Bytes(16, 1), "Cognac", Role::hub, "16"}));
    message("joined", encode(JoinReply{JoinStatus::pending, "attendre", "Charente", h.space}));
  }

  void governance() {
    const auto selector = [](std::uint32_t kind) -> std::optional<std::size_t> {
      switch (static_cast<OpKind>(kind)) {
        case OpKind::genesis:
          return 1;
        case OpKind::proposal:
          return 2;
        case OpKind::vote:
          return 3;
        default:
          return std::nullopt;
      }
    };
    for (const CommitPtr& commit : made().commits)
      for (const Op& op : commit->body.ops.ops)
        if (const auto which = selector(op.kind))
          put("governance", "op", *which, commit->body.ops.fields_of(op).front().value);
    const CommitPtr& first = made().commits.front();
    const CommitPtr& last = made().commits.back();
    const Header& h = last->header;
    const auto genesis =
        decode_genesis(first->body.ops.fields_of(first->body.ops.ops.front()).front().value);
    put("governance", "space", 0, genesis->creator.spaces.front());
    put("governance", "certificate", 7, genesis->creator.certificate);
    Proposal proposal;
    proposal.access = AccessChange{h.space, {"all"}, {"role:hub"}, true};
    proposal.cut = {{h.space, last->id}};
    put("governance", "access", 2, encode(proposal));
    put("governance", "vote", 3, encode(Vote{last->id, 1, {{h.space, last->id}}}));
    const Bytes signature(64, 7);
    put("governance", "revocation", 4,
        encode(Revocation{h.node, h.member, {{h.space, last->id}}, signature}));
    put("governance", "address", 5, encode(Address{{"ws://127.0.0.1:7766"}}));
    Evidence evidence;
    for (const CommitPtr& commit : {first, last})
      evidence.headers.push_back({commit->bytes.header, commit->bytes.signature});
    put("governance", "evidence", 6, encode(evidence));
    federation::Invitation invitation;
    invitation.federation = made().federation;
    invitation.inviter = h.node;
    invitation.urls = {"ws://127.0.0.1:7766"};
    invitation.token = Bytes(16, 10);
    invitation.region = "16";
    invitation.expires = made().now;
    put("governance", "invitation", 8, as_bytes(invitation.encode()));
  }

  void states() {
    for (const Bytes& state : made().states) {
      put("state", "record", Script{}.rest(state));
      const auto read = merge::decode_state(state);
      for (const merge::FieldState& field : read->fields) {
        if (!merge::has_elements(field.tag)) continue;
        const std::size_t kind = field.tag == static_cast<std::uint32_t>(FieldTag::text)   ? 0
                                 : field.tag == static_cast<std::uint32_t>(FieldTag::list) ? 1
                                                                                           : 2;
        put("text", "stored", Script{}.u8(kind).some(field.stored).rest(Bytes(40, 5)));
      }
    }
    for (const std::size_t kind : {0u, 1u})
      for (int i = 0; i < 4; ++i) {
        Bytes bytes(100);
        rng_.fill(bytes);
        put("text", "edits", Script{}.u8(kind).some({}).rest(bytes));
      }
  }

  void proofs() {
    const ByteView proof = made().proof;
    put("proof", "whole", 2, proof.first(proof.size() - Digest::kSize));
    put("proof", "nothing-left-out", Script{}.u8(0).u8(0));
    stories("proof", 0, 4, 20);
    stories("proof", 1, 4, 4);
    stories("bundle", 0, 4, 120);
    Bytes bundle;
    ByteWriter w{bundle};
    w.raw(as_bytes("maillon-bundle/1\n"));
    w.raw(made().federation.bytes());
    Commits commits;
    for (std::size_t i = 0; i < 3; ++i) {
      const SignedCommit& bytes = made().commits[i]->bytes;
      commits.commits.push_back({bytes.header, {}, bytes.signature, bytes.body, 0});
    }
    w.sized(encode(Tips{made().commits.front()->header.space, {}, {}}));
    w.sized(encode(commits));
    w.u8(0);
    put("bundle", "whole", 1, bundle);
  }

  /// The beginning of a published file, up to a border of records.
  static std::string beginning(const std::string& name, std::size_t size, std::string_view border) {
    std::ifstream in{fs::path{MAILLON_TEST_DATA} / "lieux" / name, std::ios::binary};
    std::string out{std::istreambuf_iterator<char>{in}, {}};
    const std::size_t end = out.find(border, size);
    if (end != std::string::npos) out.resize(end + 1);
    return out;
  }

  void files() {
    const auto table = [&](std::size_t format, std::size_t other, std::string_view file) {
      put("table", "file", Script{}.u8(format).u8(other).u8(3).u8(3).u8(0).rest(as_bytes(file)));
      put("table", "file", Script{}.u8(4).u8(other).u8(0).u8(0).u8(3).rest(as_bytes(file)));
    };
    table(0, 1, beginning("exemple-valide-v1.0.2.csv", 1500, "\n"));
    table(0, 3, beginning("france-services-2022-12.csv", 800, "\n"));
    table(1, 0, beginning("charente.v1.json", 1500, "}") + "]");
    table(1, 2, beginning("hinaura.v0.1.json", 800, "}") + "]");
    table(2, 0,
          "{\"id\":\"1\",\"nom\":\"a\",\"x\":[1,{\"é\":null}]}\n{\"id\":2,\"nom\":"
          "\"\\ud83d\\ude00\"}\n");
    table(3, 2,
          "{\"type\":\"FeatureCollection\",\"features\":[{\"type\":\"Feature\",\"geometry\":{"
          "\"type\":"
          "\"Point\",\"coordinates\":[0.1,45.6]},\"properties\":{\"id\":\"1\",\"nom\":\"a\"}}]}");
    table(0, 0, "id;nom;tel\r\n1;\"a;\"\"b\"\"\";=1+1\r\n2;\xe9t\xe9;'=x\r\n");
    table(0, 0, "\"id\",nom\n1,'=1+1\n2,''-2+3\n");
    for (const std::string_view text :
         {"{\"a\":[1,-0.5e+3,true,null,\"\\u00e9\\ud83d\\ude00\\n\"]}", "\"\\ud800x\"", "-12.50E-3",
          "[[[[{}]]],\"\"]", "=1+1", "''=x", "-2+3", "- Avenue Paul Mairat", "+33 5 45 00 00 01"})
      put("json", "text", Script{}.rest(as_bytes(text)));
  }

  fs::path dir_;
  std::map<std::string, int> next_;
  crypto::SeededRng rng_{1};
};

}  // namespace
}  // namespace maillon::fuzz

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  maillon::fuzz::Seeds{argv[1]}.write();
}
