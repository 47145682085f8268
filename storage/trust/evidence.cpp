#include "storage/trust/evidence.hpp"

#include <set>

#include "proto/limits.hpp"

namespace maillon::storage {

namespace {

Error none(std::string why, std::string fr) {
  return Error{Errc::refused, "evidence: " + std::move(why), std::move(fr)};
}

/// Why headers that one node signed are no proof against it.
Error no_misdeed(const std::vector<Header>& headers, std::size_t different) {
  if (headers.size() != 2)
    return none("neither two headers, nor those of too many incarnations",
                "ni deux en-têtes, ni ceux de trop d’incarnations");
  if (different == 1) return none("twice the same commit", "deux fois le même commit");
  if (headers[0].feed() != headers[1].feed())
    return none("two commits of different feeds, which every node may sign",
                "deux commits de flux différents, que tout nœud peut signer");
  const std::string numbers =
      std::to_string(headers[0].seq) + ", " + std::to_string(headers[1].seq);
  return none("two commits of different numbers (" + numbers + "), as an honest feed has them",
              "deux commits de numéros différents (" + numbers + "), comme en a tout flux honnête");
}

}  // namespace

Result<Proof> check_evidence(const FederationId& federation, const Evidence& evidence) {
  std::vector<Header> headers;
  std::set<CommitId> ids;
  std::set<std::uint64_t> incarnations;
  for (const SignedHeader& one : evidence.headers) {
    auto header = decode_header(one.header);
    if (header.has_error())
      return none("a header that cannot be read: " + header.error().detail,
                  "un en-tête illisible");
    if (header->federation != federation)
      return none("of another federation", "d’une autre fédération");
    if (!headers.empty() && header->node != headers[0].node)
      return none("headers of several nodes", "des en-têtes de plusieurs nœuds");
    const auto signature = crypto::Signature::from_bytes(one.signature);
    if (!signature ||
        !crypto::verify(header->node.bytes(), kCommitDomain, one.header, *signature))
      return none("a header that its node did not sign", "un en-tête que son nœud n’a pas signé");
    ids.insert(commit_id(one.header));
    incarnations.insert(header->incarnation);
    headers.push_back(*std::move(header));
  }
  if (headers.size() == 2 && ids.size() == 2 && headers[0].feed() == headers[1].feed() &&
      headers[0].seq == headers[1].seq)
    return Proof{headers[0].node, headers[0].feed(), headers[0].seq};
  if (incarnations.size() > limits::kIncarnationsMax)
    return Proof{headers[0].node, std::nullopt, 0};
  return no_misdeed(headers, ids.size());
}

}  // namespace maillon::storage
