#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/unit/net/test_node.hpp"

namespace maillon::net::testing {
namespace {

using Seen = TestNode::Seen;

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
template <class T, auto Free>
using Owned = std::unique_ptr<T, Freer<Free>>;

template <class Write>
std::string pem(Write write) {
  const Owned<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
  write(bio.get());
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

/// Self-signed, for localhost, an hour.
TcpProxy::Tls make_certificate() {
  const Owned<EVP_PKEY, EVP_PKEY_free> key(EVP_EC_gen("P-256"));
  const Owned<X509, X509_free> certificate(X509_new());
  X509* const x = certificate.get();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -60);
  X509_gmtime_adj(X509_getm_notAfter(x), 3600);
  X509_set_pubkey(x, key.get());
  X509_NAME* const name = X509_get_subject_name(x);
  const std::string common = "localhost";
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common.data()), -1, -1, 0);
  X509_set_issuer_name(x, name);
  const Owned<X509_EXTENSION, X509_EXTENSION_free> names(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost"));
  X509_add_ext(x, names.get(), -1);
  X509_sign(x, key.get(), EVP_sha256());
  return {pem([&](BIO* bio) { PEM_write_bio_X509(bio, x); }), pem([&](BIO* bio) {
            PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

class Tls : public ::testing::Test {
 protected:
  Tls() {
    std::ofstream(ca_file_) << tls_.certificate;
    acceptor_.echo = true;
  }
  ~Tls() override { std::filesystem::remove(ca_file_); }

  [[nodiscard]] std::string url(std::string_view host) const {
    return "wss://" + std::string(host) + ":" + std::to_string(proxy_.port());
  }
  static bool failed(const Seen& seen) { return !seen.failed.empty(); }

  TcpProxy::Tls tls_ = make_certificate();
  std::filesystem::path ca_file_ = std::filesystem::temp_directory_path() /
                                   ("maillon_tls_test_" + std::to_string(::getpid()) + ".pem");
  TestNode acceptor_{2};
  TcpProxy proxy_{acceptor_.listen(), {}, &tls_};
};

TEST_F(Tls, OpensThroughAProxyWhoseCertificateIsKnown) {
  NetworkOptions options = TestNode::default_options();
  options.ca_file = ca_file_;
  TestNode a(1, options);
  a.dial_url(url("localhost"), acceptor_.id());
  a.wait([](const Seen& seen) { return !seen.opened.empty(); }, "open");
  a.send(pattern(limits::kFrameMax));
  a.wait([](const Seen& seen) { return !seen.messages.empty(); }, "echo");
  EXPECT_EQ(a.look().messages[0], pattern(limits::kFrameMax));
  a.close(CloseReason::done);
  const auto closed = [](const Seen& seen) { return !seen.closed.empty(); };
  a.wait(closed, "closed");
  acceptor_.wait(closed, "closed");
  EXPECT_TRUE(a.look().closed[0].info.clean);
  EXPECT_TRUE(acceptor_.look().closed[0].info.clean);
}

TEST_F(Tls, RefusesAnUnknownCertificate) {
  TestNode a(1);
  a.dial_url(url("localhost"));
  a.wait(failed, "the dial fails");
  EXPECT_EQ(a.look().failed[0].code, Errc::integrity);
  EXPECT_FALSE(a.look().failed[0].hint_fr.empty());
}

TEST_F(Tls, RefusesAnotherName) {
  NetworkOptions options = TestNode::default_options();
  options.ca_file = ca_file_;
  TestNode a(1, options);
  a.dial_url(url("127.0.0.1"));
  a.wait(failed, "the dial fails");
  EXPECT_EQ(a.look().failed[0].code, Errc::integrity);
}

TEST_F(Tls, InsecureStillAuthenticatesTheNode) {
  NetworkOptions options = TestNode::default_options();
  options.insecure_tls = true;
  TestNode a(1, options);
  a.dial_url(url("127.0.0.1"), acceptor_.id());
  a.wait([](const Seen& seen) { return !seen.opened.empty(); }, "open");
  a.dial_url(url("127.0.0.1"), a.id());
  a.wait(failed, "the dial fails");
  EXPECT_EQ(a.look().failed[0].code, Errc::refused);
}

TEST_F(Tls, MissingAuthorityFileIsSaidAtStart) {
  NetworkOptions options = TestNode::default_options();
  options.ca_file = "/nonexistent.pem";
  EXPECT_THROW(TestNode(1, options), std::runtime_error);
}

}  // namespace
}  // namespace maillon::net::testing
