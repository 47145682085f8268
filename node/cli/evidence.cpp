#include <boost/json.hpp>

#include "node/cli/execute.hpp"
#include "node/cli/files.hpp"
#include "storage/trust/evidence.hpp"

/// What was proved against node keys; and the check of such a proof by whoever has only the file.
namespace maillon::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kProofFileMax = 16u << 20;  ///< dozens of proofs of the largest kind

struct Checked {
  std::string kind;
  NodeId node = NodeId::zero();
  std::uint64_t seq = 0;
};

Error no_proof(const std::string& path, std::string en, std::string fr) {
  return admin::said(Errc::integrity, path + ": " + std::move(en), path + " : " + std::move(fr),
                     "ask for what `maillon evidence --json` prints",
                     "demandez ce qu’affiche « maillon evidence --json »");
}

Result<std::vector<Checked>> check(const std::string& path, ByteView file) {
  const auto malformed = [&] {
    return no_proof(path, "not what `maillon evidence --json` prints",
                    "ce n’est pas ce qu’affiche « maillon evidence --json »");
  };
  boost::system::error_code failed;
  json::parse_options options;
  options.max_depth = limits::kJsonDepthMax;
  const std::string_view text{reinterpret_cast<const char*>(file.data()), file.size()};
  const json::value parsed = json::parse(text, failed, {}, options);
  if (failed || !parsed.is_object()) return malformed();
  const auto text_of = [](const json::object& object, std::string_view key) -> std::string_view {
    const json::value* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string_view{value->get_string()}
                                                  : std::string_view{};
  };
  const auto federation = FederationId::from_hex(text_of(parsed.get_object(), "federation_id"));
  const json::value* list = parsed.get_object().if_contains("evidence");
  if (!federation || list == nullptr || !list->is_array()) return malformed();
  std::vector<Checked> out;
  for (const json::value& one : list->get_array()) {
    const json::value* headers = one.is_object() ? one.get_object().if_contains("headers") : nullptr;
    if (headers == nullptr || !headers->is_array()) return malformed();
    Evidence evidence;
    for (const json::value& header : headers->get_array()) {
      if (!header.is_object()) return malformed();
      const auto bytes = from_hex(text_of(header.get_object(), "header"));
      const auto signature = from_hex(text_of(header.get_object(), "signature"));
      if (!bytes || !signature) return malformed();
      evidence.headers.push_back({*bytes, *signature});
    }
    const auto proof = storage::check_evidence(*federation, evidence);
    if (proof.has_error())
      return no_proof(path, fmt::format("number {} proves nothing ({})", out.size() + 1,
                                        proof.error().detail),
                      fmt::format("la preuve n° {} ne prouve rien ({})", out.size() + 1,
                                  proof.error().fr));
    out.push_back({proof->fork ? "fork" : "flood", proof->node, proof->seq});
  }
  return out;
}

int run_check(Line& line) {
  const auto file = read_input(line.input_path);
  if (file.has_error()) return fail(line, file.error());
  if (file->size() > kProofFileMax)
    return fail(line, no_proof(line.input_path, "too large for a proof", "trop gros pour une preuve"));
  const auto checked = check(line.input_path, *file);
  if (checked.has_error()) return fail(line, checked.error());
  if (checked->empty())
    return fail(line, no_proof(line.input_path, "it holds no proof", "il ne contient aucune preuve"));
  admin::JsonWriter out;
  out.object().field("valid", true).key("evidence").array();
  admin::Reply reply;
  for (const Checked& one : *checked) {
    out.object().field("kind", one.kind).field("node_id", one.node.hex()).field("seq", one.seq);
    out.end_object();
    reply.text += one.kind == "fork"
                      ? line.say("Prouvé : le nœud {} a signé deux commits numéro {}.\n",
                                 "Proved: node {} signed two commits number {}.\n", one.node.hex(),
                                 one.seq)
                      : line.say("Prouvé : le nœud {} a écrit sous plus de {} incarnations.\n",
                                 "Proved: node {} wrote under more than {} incarnations.\n",
                                 one.node.hex(), limits::kIncarnationsMax);
  }
  out.end_array().end_object();
  reply.json = out.take();
  return present(line, reply);
}

}  // namespace

void add_evidence(Command app, Line& line) {
  Command evidence = app.add(
      "evidence",
      line.say("Ce qui est prouvé contre des clés de nœud : deux commits d’un même numéro, ou trop "
               "d’incarnations.",
               "What is proved against node keys: two commits of one number, or too many "
               "incarnations."),
      "evidence");
  evidence.path("--check", line.input_path,
                line.say("Vérifie le fichier qu’a affiché « evidence --json », sans dossier",
                         "Checks a file that `evidence --json` printed, without a folder"));
  evidence.then([&line] {
    line.request.command = "evidence";
    if (!line.input_path.empty()) line.action = run_check;
  });
}

}  // namespace maillon::cli
