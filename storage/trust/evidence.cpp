#include "storage/trust/evidence.hpp"

#include <set>

#include "proto/limits.hpp"

namespace maillon::storage {

Result<Proof> check_evidence(const FederationId& federation, const Evidence& evidence) {
  const auto bad = [](const char* why) { return Error{Errc::refused, why}; };
  std::vector<Header> headers;
  std::set<CommitId> ids;
  std::set<std::uint64_t> incarnations;
  for (const SignedHeader& one : evidence.headers) {
    MAILLON_TRY(Header header, decode_header(one.header));
    if (header.federation != federation) return bad("evidence: of another federation");
    if (!headers.empty() && header.node != headers[0].node)
      return bad("evidence: headers of several nodes");
    MAILLON_TRY(const auto signature, crypto::Signature::from_bytes(one.signature));
    if (!crypto::verify(header.node.bytes(), kCommitDomain, one.header, signature))
      return bad("evidence: a header that its node did not sign");
    ids.insert(commit_id(one.header));
    incarnations.insert(header.incarnation);
    headers.push_back(std::move(header));
  }
  if (headers.size() == 2 && ids.size() == 2 && headers[0].feed() == headers[1].feed() &&
      headers[0].seq == headers[1].seq)
    return Proof{headers[0].node, headers[0].feed(), headers[0].seq};
  if (incarnations.size() > limits::kIncarnationsMax)
    return Proof{headers[0].node, std::nullopt, 0};
  return bad("evidence: it proves nothing");
}

}  // namespace maillon::storage
