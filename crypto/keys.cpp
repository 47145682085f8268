#include "crypto/keys.hpp"

#include "proto/bytes.hpp"

namespace maillon::crypto {
namespace {

constexpr std::string_view kDomain = "maillon/node-certificate/v1";

Bytes statement(const MemberId& member, const NodeId& node, std::uint64_t issued) {
  Bytes out;
  out.reserve(NodeCertificate::kSize);
  ByteWriter writer(out);
  writer.raw(member.bytes());
  writer.raw(node.bytes());
  writer.le64(issued);
  return out;
}

}  // namespace

NodeCertificate NodeCertificate::make(const SigningKey& root, const SigningKey& node,
                                      std::uint64_t issued_ms) {
  const Bytes said = statement(root.member_id(), node.node_id(), issued_ms);
  return {root.member_id(), node.node_id(), issued_ms, root.sign(kDomain, said),
          node.sign(kDomain, said)};
}

Bytes NodeCertificate::encode() const {
  Bytes out = statement(member, node, issued);
  ByteWriter writer(out);
  writer.raw(by_root.bytes());
  writer.raw(by_node.bytes());
  return out;
}

Result<NodeCertificate> NodeCertificate::decode_verified(ByteView bytes) {
  if (bytes.size() != kSize) return Error{Errc::malformed, "node certificate: wrong size"};
  ByteReader reader(bytes);
  MAILLON_TRY(const auto member, MemberId::from_bytes(reader.raw(32)));
  MAILLON_TRY(const auto node, NodeId::from_bytes(reader.raw(32)));
  const std::uint64_t issued = reader.le64();
  MAILLON_TRY(const auto by_root, Signature::from_bytes(reader.raw(64)));
  MAILLON_TRY(const auto by_node, Signature::from_bytes(reader.raw(64)));
  if (!is_acceptable_key(member.bytes()) || !is_acceptable_key(node.bytes()))
    return Error{Errc::integrity, "the certificate names a malformed or weak key",
                 "le certificat nomme une clé mal formée ou faible",
                 "make the node again with `maillon init`",
                 "refaites le nœud avec « maillon init »"};
  const ByteView said = bytes.first(32 + 32 + 8);
  if (!verify(member.bytes(), kDomain, said, by_root))
    return Error{Errc::integrity, "node certificate: the root key did not sign it"};
  if (!verify(node.bytes(), kDomain, said, by_node))
    return Error{Errc::integrity, "node certificate: the node key did not sign it"};
  return NodeCertificate{member, node, issued, by_root, by_node};
}

}  // namespace maillon::crypto
